"""What the runbook wants told, and when: the status-update template and the cadence of the updates.

It reads them to the letter; filling them in is another's work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from drillbook.model import Cadence, Section, StatusTemplate
from drillbook.runbook.document import Code, Document, Prose
from drillbook.runbook.durations import duration_s, interval_s
from drillbook.runbook.postmortem import is_about_post_mortem
from drillbook.runbook.sections import severities_in
from drillbook.runbook.vocabulary import PLAIN

_TELLING = re.compile(
    r"\bcommunicat|\bstatus (?:update|page|message|template)|\bupdates?\b|\bannounce"
    r"|\bnotif|\bstakeholder|\btemplates?\b|\bincident (?:message|channel)",
    re.IGNORECASE,
)
_FIELD = re.compile(r"^\W{0,4}[A-Z][\w /&'-]{1,40}\W{0,3}:", re.MULTILINE)
_BLANK = re.compile(r"\[[^\]\n]+\]|<[^>\n]+>|\{\{?[^}\n]+\}\}?|\b(?:TBD|XX+|HH:MM|YYYY)\b")
_SUBJECT = re.compile(r"^\s*\W{0,3}\[?(?:INCIDENT|OUTAGE|INVESTIGATING|UPDATE|RESOLVED|STATUS)\b")
_START = re.compile(
    r"\b(?:incident|outage)\b.{0,20}\b(?:start|begin|declar|detect|confirm|open)"
    r"|\b(?:start|beginning|declaration|detection) of\b"
    r"|^\W*(?:initial|first|start|on detection|when declared)\b",
    re.IGNORECASE,
)
_END = re.compile(
    r"\bresol(?:ution|ved?)\b|\brecover(?:y|ed)\b|\ball[ -]clear\b|\bincident (?:end|closed?)\b",
    re.IGNORECASE,
)
_POST_MORTEM = re.compile(
    r"\bpost-?\s?mortem\b|\bpost-incident\b|\bretrospective\b|\bincident report\b", re.IGNORECASE
)
_RANGE = re.compile(r"\b(SEV|P)[ -]?(\d)\s*(?:-|\N{EN DASH}|to)\s*(?:SEV|P)?[ -]?(\d)\b", re.IGNORECASE)
_EITHER = re.compile(r"\b(SEV|P)[ -]?(\d)((?:\s*[/,&]\s*\d)+)\b", re.IGNORECASE)
_AND_ABOVE = re.compile(
    r"\b(SEV|P)[ -]?(\d)(?:\s*(?:\+|and (?:above|higher|up)|or (?:above|higher)))", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Communication:
    """The template, the lines of all blocks that are status templates, and the cadences with their lines."""

    template: StatusTemplate | None
    blocks: tuple[int, ...]
    cadences: tuple[Cadence, ...]


def read_communication(document: Document) -> Communication:
    """The status-update template and the cadences of `document`."""
    template: StatusTemplate | None = None
    blocks: list[int] = []
    cadences: list[Cadence] = []
    lead = ""
    for element in document.elements:
        if isinstance(element, Code) and _is_template(element, lead):
            blocks.append(element.line)
            template = template or StatusTemplate(element.first, "\n".join(element.lines))
        if isinstance(element, Prose):
            cadence = _cadence(element, lead)
            if cadence is not None:
                cadences.append(cadence)
            elif element.item is None:
                lead = element.inline.text
        else:
            lead = ""
    return Communication(template, tuple(blocks), tuple(cadences))


def _tells(section: Section | None, lead: str) -> bool:
    titles = section.path[1:] if section else ()  # the outermost is the document's own title
    title = section.title if section else ""
    if any(is_about_post_mortem(part) for part in (*titles, title)):
        return False
    return any(_TELLING.search(part) for part in (*titles, title, lead))


def _is_template(code: Code, lead: str) -> bool:
    name = (code.language or "").lower()
    text = "\n".join(code.lines)
    if (name and name not in PLAIN | {"markdown", "md"}) or not _tells(code.section, lead):
        return False
    fields = len(_FIELD.findall(text))
    return (fields > 1 and bool(_BLANK.search(text))) or (bool(_SUBJECT.match(text)) and fields > 0)


def _cadence(prose: Prose, lead: str) -> Cadence | None:
    """The moment that a list item or a sentence on communication names, if it names one."""
    text = prose.inline.text
    if not _tells(prose.section, lead) or re.match(r"\[[ xX]\]", text):
        return None
    every = interval_s(text)
    if every is not None:
        return Cadence("interval", text, prose.line, every, levels_in(text))
    moments = {"post-mortem": _POST_MORTEM, "start": _START, "resolution": _END} if prose.item else {}
    moment = next((name for name, pattern in moments.items() if pattern.search(text)), None)
    if moment is None:
        return None
    allowed_s = duration_s(text) if moment == "post-mortem" else None
    return Cadence(moment, text, prose.line, allowed_s, levels_in(text))


def levels_in(text: str) -> tuple[str, ...]:
    """The severities that `text` names, with "SEV1-3", "SEV1/2" and "SEV2 and above" written out."""
    for pattern, first, last in ((_RANGE, 2, 3), (_AND_ABOVE, 0, 2)):
        match = pattern.search(text)
        if match:
            start = int(match[first]) if first else 1
            return tuple(f"{match[1].upper()}{number}" for number in range(start, int(match[last]) + 1))
    either = _EITHER.search(text)
    if either:
        numbers = [either[2], *re.findall(r"\d", either[3])]
        return tuple(f"{either[1].upper()}{number}" for number in numbers)
    return severities_in(text)
