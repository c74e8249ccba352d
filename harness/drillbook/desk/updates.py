"""Status updates as somebody fills them in: what of the template is still to be filled.

It looks at the words only, and never judges whether they are true.
"""

from __future__ import annotations

import re

from drillbook.model import Runbook

DEFAULT_TEMPLATE = """Brief Description

Status: Investigating / Identified / Monitoring / Resolved
Impact: [Impact]
Started: [Time]
Current action: [Action]
Next update: [Time]
"""
"""For a runbook that has none."""

LONGEST = 8_000
"""How many characters of an update are taken."""

_FIELD = re.compile(
    r"^\s*(?:[-*+]\s+)?(?:\*\*|__)?(?P<label>[A-Za-z][A-Za-z /'-]*?)"
    r"\s*(?:(?:\*\*|__):|:(?:\*\*|__)?)\s*(?P<value>.*)$"
)
_PLACEHOLDER = re.compile(r"\[[^\]\n]*[a-z][^\]\n]*\]|<[^>\n]+>|\{[^}\n]+\}")
_CHOICE = re.compile(r"\S\s*/\s*\S|\S\s+\|\s+\S")
_TITLE_WORDS = re.compile(
    r"\b(?:service name|brief description|short description|incident title)\b", re.IGNORECASE
)
_RESOLVED = re.compile(r"\b(?:resolved|closed|fixed|recovered|all clear)\b", re.IGNORECASE)


def template_of(runbook: Runbook) -> str:
    """The template of a status update: the runbook's, or else the usual one."""
    own = runbook.templates.status_update
    return (own.text if own else DEFAULT_TEMPLATE).strip("\n") + "\n"


def unfilled(text: str, template: str) -> list[str]:
    """What of `template` is still open in the update `text`, each in a few words; empty where nothing is."""
    said = _fields(text)
    wanted = _fields(template)
    out = [_open(label, said.get(label.casefold()), value) for label, value in wanted.values()]
    out.append(_open_title(text, template))
    if not text.strip():
        return ["it is empty"]
    return [each for each in out if each]


def says_resolved(text: str) -> bool:
    """Whether an update says that it is over: by its status where it has one, else anywhere."""
    status = _fields(text).get("status") or _fields(text).get("state")
    if status is None:
        return _RESOLVED.search(text) is not None
    return _RESOLVED.search(status[1]) is not None and not _CHOICE.search(status[1])


def _fields(text: str) -> dict[str, tuple[str, str]]:
    """The label and value of each field, by its label in lower case."""
    found = [match for line in text.splitlines() if (match := _FIELD.match(line))]
    return {match["label"].casefold(): (match["label"], match["value"].strip()) for match in found}


def _open(label: str, said: tuple[str, str] | None, asked: str) -> str:
    """What is open in the field `label`, which the template has as `asked`, or nothing."""
    if said is None:
        return f"{label} is missing"
    value = said[1]
    if not value:
        return f"{label} is empty"
    if value == asked and (_PLACEHOLDER.search(asked) or _CHOICE.search(asked)):
        return f"{label} is still “{asked}”"
    left = next((part for part in _PLACEHOLDER.findall(asked) if part in value), "")
    return f"{label} still has “{left}”" if left else ""


def _open_title(text: str, template: str) -> str:
    asked = _title(template)
    said = _title(text)
    if not asked:
        return ""
    if not said:
        return "the title is missing"
    words = _TITLE_WORDS.search(said)
    left = words[0] if words and words[0] in asked else ""
    return f"the title still has “{left}”" if left else ""


def _title(text: str) -> str:
    """The first line, where it is no field."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return "" if _FIELD.match(first) else first
