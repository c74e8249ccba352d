"""Severities that the runbook defines without saying how soon somebody has to respond."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drillbook.lint.rule import Found, Rule, Subject
from drillbook.model import Level, SeverityLevel
from drillbook.runbook.document import Heading, Prose, Table
from drillbook.runbook.durations import duration_s
from drillbook.runbook.sections import severities_in

_RESPONSE = re.compile(r"\brespon[sd]|\backnowledg|\bsla\b|\btime to\b|\btarget\b", re.IGNORECASE)
_NOTHING = re.compile(r"^\W*(?:tbd|tba|todo|n/?a|none|\?+)?\W*$", re.IGNORECASE)


def _without_time(subject: Subject) -> Iterator[Found]:
    for severity in subject.runbook.severities:
        if severity.response_s is not None or _says_something(subject, severity.line):
            continue
        if not _is_told_elsewhere(subject, severity):
            yield Found(
                severity.line,
                f"{severity.level} has no response time",
                "say how soon somebody has to respond, such as `15 min`",
            )


def _says_something(subject: Subject, line: int) -> bool:
    """Whether the runbook says of the severity on `line` when to respond, if not in numbers."""
    for element in subject.document.elements:
        if isinstance(element, Table):
            columns = [i for i, title in enumerate(element.header) if _RESPONSE.search(title)]
            for row in element.rows:
                if row.line == line:
                    cells = [row.cells[i].text for i in columns if i < len(row.cells)]
                    return any(not _NOTHING.match(cell) for cell in cells)
        elif isinstance(element, Heading) and element.section.line == line:
            body = subject.document.within(element.section)
            return any(isinstance(e, Prose) and _tells(e.inline.text) for e in body)
        elif isinstance(element, Prose) and element.line == line:
            return _tells(element.inline.text)
    return False


def _is_told_elsewhere(subject: Subject, severity: SeverityLevel) -> bool:
    """Whether a line elsewhere begins with the severity and gives a time, as in a list of response times."""
    for element in subject.document.elements:
        if isinstance(element, Prose):
            texts = [element.inline.text]
        elif isinstance(element, Table):
            texts = [" ".join(cell.text for cell in row.cells) for row in element.rows]
        else:
            continue
        if any(
            severities_in(text)[:1] == (severity.level,) and duration_s(text) is not None for text in texts
        ):
            return True
    return False


def _tells(text: str) -> bool:
    match = _RESPONSE.search(text)
    return match is not None and not _NOTHING.match(
        re.sub(r"^\w*(?:\s+(?:time|within))?", "", text[match.end() :])
    )


RULES = (
    Rule(
        "severity-without-response-time",
        "Severity without a response time",
        Level.WARNING,
        "A severity is defined, and nothing says how soon somebody has to respond to it.",
        _without_time,
    ),
)
