"""Markdown that does not come out as its author meant it, where a step hangs on it."""

from __future__ import annotations

from collections.abc import Iterator

from drillbook.lint.rule import Found, Rule, Subject
from drillbook.model import Level
from drillbook.runbook.document import Prose


def _unpaired(subject: Subject) -> Iterator[Found]:
    for element in subject.document.elements:
        if not isinstance(element, Prose) or not element.inline.unpaired:
            continue
        for index, raw in enumerate(element.inline.raw):
            if raw.count("`") % 2 and "\\`" not in raw:
                yield Found(
                    element.line + index,
                    "a backtick has no partner: what was meant as code is set as prose",
                    "close the code with a backtick",
                )
                break


RULES = (
    Rule(
        "unpaired-backtick",
        "Backtick without its partner",
        Level.WARNING,
        "Code in a sentence is opened and never closed, so no reader and no tool sees that it is code.",
        _unpaired,
    ),
)
