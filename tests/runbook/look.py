"""A runbook as the tests look at it: one word a line of code, and the commands with their lines."""

from __future__ import annotations

from drillbook.model import Runbook, Step, StepKind
from drillbook.runbook.parse import parse_text


def parse(text: str) -> Runbook:
    return parse_text(text)


def fenced(code: str, language: str = "") -> Runbook:
    """A runbook of one block, whose first line of code is line 4."""
    return parse(f"# Orders\n\n```{language}\n{code}\n```\n")


def classes(runbook: Runbook) -> list[str]:
    """The class of each line of code of all blocks, in order."""
    return [str(line.kind) for block in runbook.blocks for line in block.lines]


def commands(runbook: Runbook) -> list[Step]:
    return [step for step in runbook.steps if step.kind is StepKind.COMMAND]


def typed(runbook: Runbook) -> list[str | None]:
    """What each command step runs."""
    return [step.command for step in commands(runbook)]


def manual(runbook: Runbook) -> list[str]:
    return [step.text for step in runbook.steps if step.kind is StepKind.MANUAL]


def notices(runbook: Runbook) -> list[tuple[int, str]]:
    return [(notice.line, notice.message) for notice in runbook.notices]
