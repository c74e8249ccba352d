"""What the drills of a run did with each step of the runbook, line by line.

A step counts as exercised only where it was really carried out: by its command, with the answer that the
plan expects; or by the section that it leads to. What only a human can do is listed, and never counted so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from drillbook.model import Effect, Runbook, Section, Step
from drillbook.result import DrillResult, StepResult


class Use(StrEnum):
    """What became of a step over all drills: of what it did in each of them, the first in this order."""

    CURED = "cured"
    HELPED = "helped"
    HARMFUL = "harmful"
    EXERCISED = "exercised"
    BROKEN = "broken"
    UNANSWERED = "unanswered"
    MANUAL = "manual"
    NEVER = "never exercised"


EXERCISED = frozenset({Use.CURED, Use.HELPED, Use.EXERCISED, Use.HARMFUL, Use.BROKEN})
_BY_WEIGHT = tuple(Use)


@dataclass(frozen=True, slots=True)
class StepUsage:
    """One step and what the drills did with it.

    `drills` names each drill that carried it out, in their order, with what it did there; `why` is why only
    a human can do it, where it is manual.
    """

    step: Step
    use: Use
    drills: tuple[tuple[str, Use], ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class SectionUsage:
    """A section that has steps of its own, and those steps."""

    section: Section
    steps: tuple[StepUsage, ...]

    def lines(self, *uses: Use) -> list[int]:
        """The lines of its steps of which `uses` hold."""
        return [usage.step.line for usage in self.steps if usage.use in uses]

    @property
    def exercised(self) -> list[int]:
        """The lines of its steps that some drill carried out."""
        return self.lines(*EXERCISED)


def usage(runbook: Runbook, results: Sequence[DrillResult], manual: Mapping[str, str]) -> list[SectionUsage]:
    """Every section of `runbook` that has steps of its own, in its order.

    Args:
        runbook: what was drilled.
        results: the drills.
        manual: by the line of a step why only a human can do it.
    """
    seen: dict[int, list[tuple[str, StepResult]]] = {}
    for result in results:
        for done in result.steps:
            seen.setdefault(done.line, []).append((f"{result.scenario}/{result.variant}", done))
    steps: dict[tuple[str, ...], list[StepUsage]] = {}
    for step in runbook.steps:
        found = _usage(step, seen.get(step.line, []), manual.get(str(step.line), ""))
        steps.setdefault(step.section, []).append(found)
    sections = {section.path: section for section in reversed(runbook.sections)}
    return [SectionUsage(sections[path], tuple(found)) for path, found in steps.items() if path in sections]


def _usage(step: Step, seen: Iterable[tuple[str, StepResult]], manual: str) -> StepUsage:
    uses = tuple((name, use) for name, done in seen if (use := _use(done)) is not None)
    if manual:
        return StepUsage(step, Use.MANUAL, uses, manual)
    return StepUsage(step, min((use for _, use in uses), key=_BY_WEIGHT.index, default=Use.NEVER), uses)


def _use(done: StepResult) -> Use | None:
    """What one drill did with a step, or None where it did not carry it out."""
    if done.leads_to:
        return Use.EXERCISED
    if done.skipped or done.seconds is None:
        return None
    if done.broken:
        return Use.BROKEN
    if done.answered is False:
        return Use.UNANSWERED
    effects = {Effect.CURED: Use.CURED, Effect.BETTER: Use.HELPED, Effect.WORSE: Use.HARMFUL}
    return effects.get(done.effect, Use.EXERCISED) if done.effect is not None else Use.EXERCISED
