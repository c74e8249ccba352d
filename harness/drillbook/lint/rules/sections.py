"""Sections that say what to do and hold nothing that can be carried out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drillbook.lint.rule import Found, Rule, Subject
from drillbook.model import CodeBlock, Level, LineClass, Step, StepKind
from drillbook.runbook.vocabulary import PROGRAMMING, SESSION, SHELL

# Of these nobody expects a command.
_FOR_HUMANS = re.compile(
    r"\b(?:communicat\w*|escalat\w*|contacts?|notif\w*|stakeholders?|roles?|responsibilit\w*"
    r"|post-?\s?(?:incident|mortem)s?|retrospectives?|lessons|best practices?|principles|guidelines|training"
    r"|reviews?|checklists?|templates?|overview|background|prerequisites?|references?|resources?|when to"
    r"|severit\w*|priorit\w*|meaning|impact|on-?call)\b",
    re.IGNORECASE,
)


def _without_command(subject: Subject) -> Iterator[Found]:
    steps: dict[int, list[Step]] = {}
    for step in subject.runbook.steps:
        place = subject.section_at(step.line)
        steps.setdefault(place.line if place else 0, []).append(step)
    for section in subject.runbook.sections:
        # The title of the whole, as in “Incident response and communication”, says little of a part.
        if any(_FOR_HUMANS.search(title) for title in section.path[1:] or section.path):
            continue
        own = steps.get(section.line, [])
        if any(step.kind is StepKind.COMMAND or step.line in subject.bound for step in own):
            continue
        hollow = [
            b for b in subject.runbook.blocks if _is_hollow(b) and subject.section_at(b.line) == section
        ]
        if any(
            _is_typed_elsewhere(b) and subject.section_at(b.line) == section for b in subject.runbook.blocks
        ):
            continue
        if own and not any(s.kind is StepKind.COMMAND for s in subject.steps_within(section)):
            yield Found(
                section.line,
                f"“{section.title}” has {_counted(len(own))}: nothing of it can be carried out as written",
                "give the steps commands, or bind them in a plan",
            )
        elif hollow:
            yield Found(
                section.line,
                f"“{section.title}” has only comments in its shell block on line {hollow[0].line}: "
                "nothing of it can be carried out",
                "give the steps commands, or write them as a list and bind them in a plan",
            )


def _is_typed_elsewhere(block: CodeBlock) -> bool:
    """Whether a block is for something else than a shell, such as SQL: that can be carried out too."""
    return (block.language or "").lower() in PROGRAMMING


def _is_hollow(block: CodeBlock) -> bool:
    """Whether a block that is marked as shell holds only comments."""
    kinds = {line.kind for line in block.lines}
    shell = (block.language or "").lower() in SHELL | SESSION
    return shell and LineClass.COMMENT in kinds and kinds <= {LineClass.COMMENT, LineClass.BLANK}


def _counted(number: int) -> str:
    return "one step, by hand" if number == 1 else f"{number} steps, all by hand"


RULES = (
    Rule(
        "section-without-command",
        "Section without a command",
        Level.NOTE,
        "A section says what to do, and no step of it can be carried out as written.",
        _without_command,
    ),
)
