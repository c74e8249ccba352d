"""Sections that the runbook's prose refers to by name and that are not there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drillbook.lint.rule import Found, Rule, Subject
from drillbook.model import Level, LineClass
from drillbook.runbook.document import Prose
from drillbook.suggest import suggestion

_TITLE = (
    r"(?:\"(?P<a>[^\"]{3,80})\"|\N{LEFT DOUBLE QUOTATION MARK}(?P<b>[^\N{RIGHT DOUBLE QUOTATION MARK}]{3,80})"
    r"\N{RIGHT DOUBLE QUOTATION MARK}|'(?P<c>[^']{3,80})'"
    r"|(?P<d>[A-Z][\w/-]*(?: (?:[A-Z][\w/-]*|and|or|of|the|to|for|in|on))*))"
)
_NAMED = re.compile(
    rf"\b(?:see|follow|refer to|go to|in|under|per|described in|use)\s+(?:the\s+)?(?:{_TITLE})\s+section\b"
    r"(?!\s+of\b)"
)
_QUOTED = re.compile(
    r"\b(?:[Ss]ee|[Ff]ollow|[Rr]efer to|[Gg]o to)\s+(?:the\s+)?(?:section\s+)?"
    rf"(?:{_TITLE})\s+(?:above|below)\b"
)
_ELSEWHERE = re.compile(
    r"\]\(|https?://|\.md\b|\b(?:wiki|confluence|notion|handbook|documentation|docs)\b", re.IGNORECASE
)
_SHORTEST = 4


def _missing(subject: Subject) -> Iterator[Found]:
    titles = [section.title for section in subject.runbook.sections]
    keys = [key for title in titles if len(key := _key(title)) >= _SHORTEST]
    for line, text in _texts(subject):
        if _ELSEWHERE.search(text):
            continue
        for pattern in (_NAMED, _QUOTED):
            for match in pattern.finditer(text):
                name = next(match[group] for group in "abcd" if match[group])
                key = _key(name)
                if match["d"] and pattern is _QUOTED and " " not in name:
                    continue  # "see Grafana below" may mean anything
                if len(key) < _SHORTEST or any(key in other or other in key for other in keys):
                    continue
                yield Found(
                    line,
                    f"this refers to a section “{name}”, and there is none",
                    suggestion(name, titles) or "write the section, or say where it is",
                )


def _texts(subject: Subject) -> Iterator[tuple[int, str]]:
    """The prose and the comments of code blocks, each with its line."""
    for element in subject.document.elements:
        if isinstance(element, Prose):
            yield element.line, element.inline.text
    for block in subject.runbook.blocks:
        for code in block.lines:
            if code.kind is LineClass.COMMENT:
                yield code.line, subject.lines[code.line - 1]


def _key(title: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", title.casefold()))


RULES = (
    Rule(
        "missing-section",
        "Reference to no section",
        Level.WARNING,
        "The text refers by name to a section that this runbook does not have.",
        _missing,
    ),
)
