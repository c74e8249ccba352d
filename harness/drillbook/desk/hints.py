"""Hints for whoever acts at the desk: four, from where to look to the answer.

A hint that what was done has made needless is passed over. They are made from what the plan and the scenario
say, and from what was done, never from the state of the fault.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drillbook.protocols import PlannedStep

LEVELS = 4
ANSWER = LEVELS


@dataclass(frozen=True, slots=True)
class Known:
    """What hints are made from.

    Args:
        sections: the sections of the runbook that are about it, each with its line.
        steps: their steps, in order.
        changes: whether a command can change the state of the system.
        symptoms: what is seen of it.
        cure: the cure in a sentence.
        gap: why the runbook is known to fall short, or empty.
    """

    sections: Sequence[tuple[str, int]]
    steps: Sequence[PlannedStep]
    changes: Callable[[str], bool]
    symptoms: Sequence[str]
    cure: str
    gap: str = ""


def hint(known: Known, done: frozenset[int], after: int) -> tuple[int, str]:
    """The next hint beyond the level `after`, with its own level; `done` are the runbook's lines carried out.

    After the last it is the last once more.
    """
    looks = [step for step in known.steps if step.run and not known.changes(step.run)]
    deeds = [step for step in known.steps if step.run and known.changes(step.run)]
    within = bool(done & {step.step.line for step in known.steps})
    levels: tuple[tuple[bool, str], ...] = (
        (within or not known.sections, _where(known)),
        (bool(done & _lines(deeds)) or not _left(looks, done), _look(_left(looks, done))),
        (False, _deed(known, deeds, done)),
        (False, _answer(known)),
    )
    for level, (needless, text) in enumerate(levels, 1):
        if level > after and not needless:
            return level, text
    return ANSWER, levels[-1][1]


def _lines(steps: Sequence[PlannedStep]) -> frozenset[int]:
    return frozenset(step.step.line for step in steps)


def _left(steps: Sequence[PlannedStep], done: frozenset[int]) -> list[PlannedStep]:
    return [step for step in steps if step.step.line not in done]


def _where(known: Known) -> str:
    if not known.sections:
        return ""
    title, line = known.sections[0]
    seen = f" What is seen of it: {'; '.join(known.symptoms)}." if known.symptoms else ""
    return f"The section of the runbook for this is “{title}” (line {line}).{seen}"


def _look(left: Sequence[PlannedStep]) -> str:
    if not left:
        return ""
    named = "; ".join(f"line {each.step.line}, “{each.step.text}”" for each in left[:3])
    return f"Look before you act: {named}. What it answers says which of the next steps is worth it."


def _deed(known: Known, deeds: Sequence[PlannedStep], done: frozenset[int]) -> str:
    left = _left(deeds, done)
    if known.gap:
        tried = (
            "What you tried of it is not enough here"
            if done & _lines(deeds)
            else "The section won't end this"
        )
        return f"{tried}: {known.gap.strip()} You have to go beyond the runbook."
    if left:
        each = left[-1]
        return f"What ends it is in the runbook: line {each.step.line}, “{each.step.text}”."
    if deeds:
        return (
            "You carried out what the section has against it, and it was not enough. Look at what the step "
            "answered, and at who holds what others wait for."
        )
    return "The section has no command that ends this: what it asks you to look at tells you what to change."


def _answer(known: Known) -> str:
    return f"The answer: {known.cure}" if known.cure else "There is no answer on file."
