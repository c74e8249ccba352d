"""Placeholders in commands that nothing says how to fill in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drillbook.lint.rule import Found, Rule, Subject, also_on
from drillbook.model import Level
from drillbook.runbook.document import Prose

# How what is typed into a shell begins: not with a capital, unless that is a variable, and not with a quote.
_TYPED = re.compile(r"[a-z0-9_./~$<\[{(!#]|[A-Z][A-Z0-9_]*\+?=|YOUR")


def _unfilled(subject: Subject) -> Iterator[Found]:
    lines: dict[str, list[int]] = {}
    for step in subject.commands:
        if not _TYPED.match((step.command or "").lstrip()):
            continue  # a template for a message, in a block of shell
        for name in step.placeholders:
            if name not in subject.filled:
                lines.setdefault(name, []).append(_line_of(subject, name, step.line, step.end_line))
    for name, places in lines.items():
        if _is_explained(subject, name):
            continue
        first, *others = dict.fromkeys(places)
        yield Found(
            first,
            f"`{name}` has to be filled in by hand{also_on(others)}: no rule of a plan says with what",
            f"let a command print it, or give the plan a rule: placeholders: {{{_key(name)}: …}}",
        )


def _line_of(subject: Subject, name: str, first: int, last: int) -> int:
    return next((n for n in range(first, last + 1) if name in subject.lines[n - 1]), first)


def _is_explained(subject: Subject, name: str) -> bool:
    """Whether prose or a comment has the placeholder too, and so says something about it."""
    prose = (" ".join(e.inline.raw) for e in subject.document.elements if isinstance(e, Prose))
    commands = [step.command or "" for step in subject.commands]
    comments = [step.comment or "" for step in subject.commands]
    told = any(name in text and not any(c and c in text for c in commands) for text in prose)
    return told or any(name in comment for comment in comments)


def _key(name: str) -> str:
    return name.strip("<>[]{} ")


RULES = (
    Rule(
        "unfilled-placeholder",
        "Placeholder without a rule",
        Level.NOTE,
        "A command has a part to be filled in by hand, and no rule of a plan says with what.",
        _unfilled,
    ),
)
