"""The severities that a runbook defines, with their response times: as a table, as headings or as a list.

It reads definitions; a section that merely names a severity ("Service Down (SEV1)") is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from drillbook.model import SeverityLevel
from drillbook.runbook.document import Document, Heading, Prose, Table
from drillbook.runbook.durations import duration_s
from drillbook.runbook.sections import severities_in

_ABOUT = re.compile(
    r"\bseverit|\bpriorit|\bsev levels?\b|\bincident (?:levels?|classification)\b|\bclassification\b",
    re.IGNORECASE,
)
_LEVEL_HEADER = re.compile(r"\blevel\b|\bseverity\b|\bpriority\b|\bsev\b|\bclass\b", re.IGNORECASE)
_RESPONSE_HEADER = re.compile(r"\brespon[sd]|\backnowledge|\bsla\b|\btime to\b|\btarget\b", re.IGNORECASE)
_MEANING_HEADER = re.compile(r"\bdescri|\bdefinition\b|\bmeaning\b|\bcriteria\b|\bimpact\b", re.IGNORECASE)
_RESPONSE_LINE = re.compile(
    r"\b(?:initial )?(?:respon(?:se|d)|acknowledge\w*|sla)\b(?: time| within| target| sla)?", re.IGNORECASE
)
_NAMED = re.compile(r"^(?:critical|major|high|medium|moderate|minor|low|informational)\b", re.IGNORECASE)
_LEADING = re.compile(
    r"^\W*(?:SEV(?:ERITY)?|P(?:RIORITY)?|S)[ -]?\d\b\s*(?:[-:\N{EN DASH}\N{EM DASH}/]\s*|\s+)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Severities:
    """The levels, and the lines of list items that define them and so are no steps."""

    levels: tuple[SeverityLevel, ...]
    lines: frozenset[int]


def read_severities(document: Document) -> Severities:
    """The severities that `document` defines, in document order, each level once."""
    found: dict[str, SeverityLevel] = {}
    lines: set[int] = set()
    for element in document.elements:
        if isinstance(element, Table):
            levels = _from_table(element)
        elif isinstance(element, Heading):
            levels = _from_heading(document, element, lines)
        elif isinstance(element, Prose) and element.item is not None:
            levels = _from_item(element)
            lines.update(level.line for level in levels)
        else:
            levels = []
        for level in levels:
            found.setdefault(level.level, level)
    return Severities(tuple(found.values()), frozenset(lines))


def _from_table(table: Table) -> list[SeverityLevel]:
    header = table.header
    response = _column(header, _RESPONSE_HEADER)
    name = _column(header, _LEVEL_HEADER)
    about = table.section is not None and any(_ABOUT.search(title) for title in table.section.path)
    if name is None or (response is None and not about):
        return []
    meaning = _column(header, _MEANING_HEADER)
    levels = []
    for row in table.rows:
        cells = [cell.text for cell in row.cells]
        if len(cells) <= name or not (severities_in(cells[name]) or _NAMED.match(cells[name])):
            continue
        level, rest = _split(cells[name])
        description = cells[meaning] if meaning is not None and meaning < len(cells) else rest
        response_s = duration_s(cells[response]) if response is not None and response < len(cells) else None
        levels.append(SeverityLevel(level, description, response_s, row.line))
    return levels


def _column(header: tuple[str, ...], pattern: re.Pattern[str]) -> int | None:
    return next((index for index, title in enumerate(header) if pattern.search(title)), None)


def _split(text: str) -> tuple[str, str]:
    """A level and the rest of the text that names it: "SEV1 - Critical" is ("SEV1", "Critical")."""
    named = severities_in(text)
    if not named:
        return text.strip(), ""
    return named[0], _LEADING.sub("", text).strip(" ()*:")


def _from_heading(document: Document, heading: Heading, lines: set[int]) -> list[SeverityLevel]:
    """A heading that begins with a severity, under one on severities or above a response time."""
    section = heading.section
    if not _LEADING.match(section.title):
        return []
    body = document.within(section)
    response = next((text for e in body if isinstance(e, Prose) and (text := _response(e))), None)
    if response is None and not any(_ABOUT.search(title) for title in section.path[:-1]):
        return []
    lines.update(e.line for e in body if isinstance(e, Prose) and e.item is not None)
    level, description = _split(section.title)
    return [SeverityLevel(level, description, duration_s(response) if response else None, section.line)]


def _response(prose: Prose) -> str | None:
    """What a paragraph says of the response time, from the word on: "Response time: 15 minutes"."""
    match = _RESPONSE_LINE.search(prose.inline.text)
    return prose.inline.text[match.end() :] if match else None


def _from_item(prose: Prose) -> list[SeverityLevel]:
    """An item "SEV1: Complete outage, respond within 15 minutes" of a section on severities."""
    section, text = prose.section, prose.inline.text
    if section is None or not _ABOUT.search(section.title) or not _LEADING.match(text):
        return []
    level, description = _split(text)
    response = _response(prose)
    return [SeverityLevel(level, description, duration_s(response or text), prose.line)]
