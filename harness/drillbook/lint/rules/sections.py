"""Sections that say what to do and hold nothing that can be carried out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drillbook.lint.rule import Found, Rule, Subject
from drillbook.model import CodeBlock, Level, LineClass, Step, StepKind
from drillbook.runbook.command import first_program
from drillbook.runbook.document import Prose
from drillbook.runbook.vocabulary import PROGRAMMING, PROGRAMS, SESSION, SHELL

# Of these nobody expects a command.
_FOR_HUMANS = re.compile(
    r"\b(?:communicat\w*|escalat\w*|contacts?|notif\w*|stakeholders?|roles?|responsibilit\w*"
    r"|post-?\s?(?:incident|mortem)s?|retrospectives?|lessons|best practices?|principles|guidelines|training"
    r"|reviews?|checklists?|templates?|overview|background|prerequisites?|references?|resources?|when to"
    r"|severit\w*|priorit\w*|meaning|impact|on-?call)\b",
    re.IGNORECASE,
)

_BY_ITSELF = re.compile(r"\bwill:\W*$|\bautomatic", re.IGNORECASE)
_OTHER_PROMPT = "prompt of another program"  # of the parser's notice


def _without_command(subject: Subject) -> Iterator[Found]:
    steps: dict[int, list[Step]] = {}
    for step in subject.runbook.steps:
        place = subject.section_at(step.line)
        steps.setdefault(place.line if place else 0, []).append(step)
    numbered = _numbered(subject)
    spoken = _with_commands_in_prose(subject)
    for section in subject.runbook.sections:
        # The title of the whole, as in “Incident response and communication”, says little of a part.
        if any(_FOR_HUMANS.search(title) for title in section.path[1:] or section.path):
            continue
        own = steps.get(section.line, [])
        blocks = [block for block in subject.runbook.blocks if subject.section_at(block.line) == section]
        if any(step.kind is StepKind.COMMAND or step.line in subject.bound for step in own) or any(
            _is_for_another_program(subject, block) for block in blocks
        ):
            continue
        if section.line in spoken:
            continue
        hollow = [block for block in blocks if _is_hollow(block)]
        below = any(step.kind is StepKind.COMMAND for step in subject.steps_within(section))
        if not below and any(step.line in numbered for step in own):
            yield Found(
                section.line,
                f"“{section.title}” has {_counted(len(own))}: there is no command to run or to try out",
                "give the steps commands, or bind them in a plan",
            )
        elif hollow:
            yield Found(
                section.line,
                f"“{section.title}” has only comments in its shell block on line {hollow[0].line}: "
                "there is no command to run",
                "give the steps commands, or write them as a list and bind them in a plan",
            )


def _numbered(subject: Subject) -> frozenset[int]:
    """The lines of the items of numbered lists: of other lists nobody can be sure that they are steps.

    A list of what happens by itself is not among them.
    """
    lines: set[int] = set()
    lead = ""
    for element in subject.document.elements:
        if not isinstance(element, Prose):
            lead = ""
        elif element.item is None:
            lead = element.inline.text
        elif element.item.ordered and element.opens and not _BY_ITSELF.search(lead):
            lines.add(element.line)
    return frozenset(lines)


def _with_commands_in_prose(subject: Subject) -> frozenset[int]:
    """The lines of the sections whose sentences hold code of several words, which may well be a command."""
    return frozenset(
        element.section.line
        for element in subject.document.elements
        if isinstance(element, Prose) and element.section is not None
        for code in element.inline.codes
        if " " in code.text.strip() or first_program(code.text) in PROGRAMS
    )


def _is_for_another_program(subject: Subject, block: CodeBlock) -> bool:
    """Whether a block is for something else than a shell, such as SQL: that can be carried out too."""
    if (block.language or "").lower() in PROGRAMMING:
        return True
    return any(
        _OTHER_PROMPT in n.message and block.line <= n.line <= block.end_line for n in subject.runbook.notices
    )


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
        "A section says what to do, and holds no command that could be run or tried out.",
        _without_command,
    ),
)
