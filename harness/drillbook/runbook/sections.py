"""Finding a section of a runbook by the name that a plan gives it, and what lies in it.

It looks at parsed values only and never at Markdown.
"""

from __future__ import annotations

import re

from drillbook.model import Runbook, Section, Step

_NUMBER = re.compile(r"^(?:\d+(?:\.\d+)*[.)]?|[^\w\s(\[]+)\s+")
_SEVERITY_MARK = re.compile(r"\s*[(\[]\s*(?:SEV|Sev|sev|P|S)[ -]?\d\s*[)\]]\s*$")
_LEVEL = re.compile(
    r"(?<![A-Za-z0-9])(?:(SEV(?:ERITY)?)[ -]?(\d)|(P(?:RIORITY)?|S)[ -]?(\d))(?![A-Za-z0-9])", re.IGNORECASE
)


def find(runbook: Runbook, title: str) -> Section | None:
    """The first section of that title, or None.

    An exact title wins; else case, a number or sign before the title ("4. ") and a severity after it
    ("(SEV1)") do not matter.
    """
    for section in runbook.sections:
        if section.title == title:
            return section
    wanted = _plain(title)
    return next((section for section in runbook.sections if _plain(section.title) == wanted), None)


def _plain(title: str) -> str:
    return " ".join(_SEVERITY_MARK.sub("", _NUMBER.sub("", title.strip())).casefold().split())


def steps_of(runbook: Runbook, section: Section) -> tuple[Step, ...]:
    """The steps of `section` and of its subsections, in document order."""
    later = (s.line for s in runbook.sections if s.line > section.line and s.level <= section.level)
    end = next(later, None)
    return tuple(
        step for step in runbook.steps if step.line > section.line and (end is None or step.line < end)
    )


def severity_of(section_title: str) -> str | None:
    """The severity that a title names: "Service Down (SEV1)" gives "SEV1", a title without one None."""
    levels = severities_in(section_title)
    return levels[0] if levels else None


def severities_in(text: str) -> tuple[str, ...]:
    """The severities that `text` names, each in the form "SEV1" or "P1", in their order."""
    found: dict[str, None] = {}
    for match in _LEVEL.finditer(text):
        word, number = (match[1], match[2]) if match[1] else (match[3], match[4])
        prefix = "SEV" if word.upper().startswith("SEV") else word[0].upper()
        found[f"{prefix}{number}"] = None
    return tuple(found)
