"""Ablation: what the verdicts of drills, each with one step left out, say of that step.

It looks at results only, and runs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from drillbook.events import LEFT_OUT, SLIS_HOLD
from drillbook.model import Effect, Verdict
from drillbook.result import DrillResult, StepResult
from drillbook.verdict import BAD_FOR_THE_RUNBOOK

WORTH_ALTERING = BAD_FOR_THE_RUNBOOK | {Verdict.RESOLVED}
"""The verdicts on a whole section from which something can be learnt by altering it."""


class Necessity(StrEnum):
    """What a step is to the cure, going by the drill without it."""

    NEEDED = "needed"
    BALLAST = "ballast"
    HARM = "does harm"
    NO_SAY = "no say"


@dataclass(frozen=True, slots=True)
class StepNecessity:
    """A step that was carried out, and what the drill without it says.

    `text` and `run` are the step as the runbook has it and as it was run; `reads` says that it can change
    nothing. `verdict` is that of the drill without it, `why` a clause; `instead` are the lines of the steps
    that cured in its place.
    """

    line: int
    text: str
    run: str
    reads: bool
    necessity: Necessity
    verdict: Verdict | None
    why: str
    instead: tuple[int, ...] = ()
    run_dir: str = ""


def carried_out(result: DrillResult) -> list[StepResult]:
    """The steps that were carried out to their end."""
    return [step for step in result.steps if not step.skipped and step.seconds is not None]


def unreached(result: DrillResult) -> list[int]:
    """The lines of the steps that were never reached, since the SLIs held before."""
    return [step.line for step in result.steps if step.skipped == SLIS_HOLD]


def changing(result: DrillResult) -> list[StepResult]:
    """The steps that were carried out and can change the state of the system."""
    return [step for step in carried_out(result) if step.state_changing]


def helped(step: StepResult) -> bool:
    """Whether the SLIs show that the step did good."""
    return step.state_changing and step.effect in (Effect.CURED, Effect.BETTER)


def curing_lines(result: DrillResult) -> tuple[int, ...]:
    """The lines of the steps that the SLIs came back with and that changed something."""
    return tuple(step.line for step in changing(result) if step.effect is Effect.CURED)


def why_not(whole: DrillResult) -> str:
    """Why nothing can be learnt from altering a section whose drill came to `whole`; empty if it can."""
    if whole.verdict not in WORTH_ALTERING:
        return f"the whole section is {whole.verdict}: {whole.reason}"
    return "" if carried_out(whole) else "no step of the section was carried out"


def awaited(whole: DrillResult, step: StepResult) -> frozenset[Verdict]:
    """The verdicts that the drill without `step` is likely to come to."""
    if whole.verdict is Verdict.RESOLVED and not helped(step):
        return frozenset({Verdict.RESOLVED})
    return BAD_FOR_THE_RUNBOOK


def judge(whole: DrillResult, step: StepResult, without: DrillResult | None) -> StepNecessity:
    """What the drill `without` a step, None if there was none, says of it beside the `whole` section's."""
    necessity, why = _judge(whole, without)
    instead = curing_lines(without) if without is not None and necessity is Necessity.BALLAST else ()
    backed_up = tuple(line for line in instead if line not in curing_lines(whole)) if helped(step) else ()
    if backed_up:
        why = f"{lines_in_words(backed_up)} cured in its place"
    return StepNecessity(
        step.line,
        step.text,
        step.run or step.command,
        not step.state_changing,
        necessity,
        without.verdict if without is not None else None,
        why,
        backed_up,
        without.run_dir if without is not None else "",
    )


def _judge(whole: DrillResult, without: DrillResult | None) -> tuple[Necessity, str]:
    unsaid = _why_no_say(without)
    if without is None or unsaid:
        return Necessity.NO_SAY, unsaid
    if whole.verdict is Verdict.RESOLVED:
        return _beside_resolved(without)
    return _beside_failed(whole, without)


def _why_no_say(without: DrillResult | None) -> str:
    if without is None:
        return "the drill without it was not carried out"
    if without.verdict not in WORTH_ALTERING:
        return f"the drill without it has no say: {without.reason}"
    if without.verdict is Verdict.RESOLVED and not changing(without):
        return "the service came back though no step changed anything"
    return ""


def _beside_failed(whole: DrillResult, without: DrillResult) -> tuple[Necessity, str]:
    if without.verdict is Verdict.RESOLVED:
        return Necessity.HARM, f"with it the drill is {whole.verdict}, and without it RESOLVED"
    if whole.verdict is Verdict.HARMFUL and all(check.held for check in without.invariants):
        return Necessity.HARM, "without it every invariant holds, though the failure stays"
    if whole.verdict is not Verdict.HARMFUL and without.verdict is Verdict.HARMFUL:
        return Necessity.NEEDED, "without it the section does harm"
    return Necessity.BALLAST, "the failure stays, with it and without it"


def _beside_resolved(without: DrillResult) -> tuple[Necessity, str]:
    if without.verdict is Verdict.RESOLVED:
        return Necessity.BALLAST, "the failure is cured without it as well"
    return Necessity.NEEDED, f"without it the drill is {without.verdict}"


def lines_in_words(lines: Sequence[int]) -> str:
    """`line 3`, or `lines 3 and 5`."""
    shown = [str(line) for line in lines]
    if len(shown) == 1:
        return f"line {shown[0]}"
    return f"lines {', '.join(shown[:-1])} and {shown[-1]}"


# --------------------------------------------------------------------------- the smallest set


@dataclass(frozen=True, slots=True)
class SmallestSet:
    """The fewest steps found that cure: leave one more out, and the drill is no longer RESOLVED.

    `lines` is empty where no set was found, and `why` says why; else `verified` is the run directory of the
    drill that had only them, or of the whole section where that has no others.
    """

    lines: tuple[int, ...]
    verified: str = ""
    why: str = ""


class Reduction:
    """The search for the smallest set of one drill, a trial at a time.

    It begins with the steps that change something, and then takes away one after the other those that the
    drill without them alone did not show to be needed.

    Args:
        whole: the drill of the whole section; RESOLVED.
        steps: what ablation said of its steps.
    """

    def __init__(self, whole: DrillResult, steps: Sequence[StepNecessity]) -> None:
        everything = [step.line for step in carried_out(whole)]
        needed = {step.line for step in steps if step.necessity is Necessity.NEEDED}
        core = [line for line in everything if line in needed or line in {s.line for s in changing(whole)}]
        self._held, self._verified = tuple(everything), whole.run_dir
        self._needed = needed
        self._trial: tuple[int, ...] | None = tuple(core) if 0 < len(core) < len(everything) else None
        self._tried: set[tuple[int, ...]] = {self._held}
        if self._trial is None:
            self._next()

    @property
    def trial(self) -> tuple[int, ...] | None:
        """The lines of the only steps that the next drill is to have; None if nothing is left to try."""
        return self._trial

    def told(self, result: DrillResult | None) -> None:
        """Take what the trial came to; None where it was not carried out, which ends the search."""
        if self._trial is None or result is None:
            self._trial = None
            return
        self._tried.add(self._trial)
        if result.verdict is Verdict.RESOLVED and changing(result):
            self._held, self._verified = self._trial, result.run_dir
        self._next()

    def _next(self) -> None:
        spare = [line for line in self._held if line not in self._needed]
        trials = (tuple(line for line in self._held if line != left_out) for left_out in reversed(spare))
        self._trial = next((trial for trial in trials if trial and trial not in self._tried), None)

    def found(self) -> SmallestSet:
        """The smallest set so far."""
        return SmallestSet(self._held, self._verified)


def left_out_lines(result: DrillResult) -> tuple[int, ...]:
    """The lines of the steps that were left out on purpose."""
    return tuple(step.line for step in result.steps if step.skipped == LEFT_OUT)


# --------------------------------------------------------------------------- all of it


@dataclass(frozen=True, slots=True)
class AblatedDrill:
    """A drill of a whole section, and what the drills beside it say of its steps.

    `why_not` says why nothing was left out, or is empty. `unreached` are the lines of the steps that had no
    drill of their own, since the SLIs held before they were reached. `smallest` is None where the whole
    section cures nothing.
    """

    whole: DrillResult
    why_not: str = ""
    steps: tuple[StepNecessity, ...] = ()
    unreached: tuple[int, ...] = ()
    smallest: SmallestSet | None = None

    @property
    def name(self) -> str:
        """Scenario and variant."""
        return f"{self.whole.scenario}/{self.whole.variant}"

    def those(self, necessity: Necessity) -> list[StepNecessity]:
        """Its steps of that necessity."""
        return [step for step in self.steps if step.necessity is necessity]


@dataclass(frozen=True, slots=True)
class LineNecessity:
    """A step of the runbook over all drills that carried it out; `drills` names them by what it was there."""

    line: int
    text: str
    reads: bool
    drills: tuple[tuple[Necessity, tuple[str, ...]], ...]

    def names(self, necessity: Necessity) -> tuple[str, ...]:
        """The drills in which it was of that necessity."""
        return next((names for which, names in self.drills if which is necessity), ())


def by_line(drills: Sequence[AblatedDrill]) -> list[LineNecessity]:
    """What the drills say of each step, by its line."""
    found: dict[int, list[tuple[str, StepNecessity]]] = {}
    for drill in drills:
        for step in drill.steps:
            found.setdefault(step.line, []).append((drill.name, step))
    return [
        LineNecessity(
            line,
            said[0][1].text,
            all(step.reads for _, step in said),
            tuple(
                (which, tuple(name for name, step in said if step.necessity is which))
                for which in Necessity
                if any(step.necessity is which for _, step in said)
            ),
        )
        for line, said in sorted(found.items())
    ]


def count(drills: Sequence[AblatedDrill], necessity: Necessity, *, reads: bool | None = None) -> int:
    """How many of the steps that were left out are of that necessity; `reads` asks for only such steps."""
    steps = (step for drill in drills for step in drill.those(necessity))
    return sum(reads is None or step.reads is reads for step in steps)
