"""What the drills of a run did with each step of the runbook, line by line.

A step counts as exercised only where it was really carried out: by its command, with the answer that the
plan expects; or by the section that it leads to. What only a human can do is listed, and never counted so.
Every word on a step leads back to a line of a journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from drillbook.events import NO_BINDING, DrillStarted, FloodCounted, InvariantChecked, Sampled, TrafficCounted
from drillbook.evidence import started
from drillbook.journal import events, read
from drillbook.model import Effect, Runbook, Section, Step, StepKind, Verdict
from drillbook.result import JOURNAL, DrillResult, StepResult, traced_steps
from drillbook.verdict import NO_SAY

NOT_BOUND = "the plan binds it to no command"


class Use(StrEnum):
    """What became of a step over all drills: of what it did in each of them, the first in this order.

    Harm comes first, because a cure in one drill does not undo it. That a step could not run in one drill
    says less of it than what it did where it ran.
    """

    HARMFUL = "harmful"
    CURED = "cured"
    HELPED = "helped"
    NO_EFFECT = "no effect"
    EXERCISED = "exercised"
    BROKEN = "broken"
    UNANSWERED = "unanswered"
    MANUAL = "manual"
    NEVER = "never exercised"


EXERCISED = frozenset({Use.HARMFUL, Use.CURED, Use.HELPED, Use.NO_EFFECT, Use.EXERCISED, Use.BROKEN})
_BY_THE_END = frozenset({Use.EXERCISED, Use.BROKEN, Use.UNANSWERED})  # what the SLIs say nothing of
_EFFECTS = {Effect.CURED: Use.CURED, Effect.BETTER: Use.HELPED, Effect.WORSE: Use.HARMFUL}
_BY_WEIGHT = tuple(Use)


@dataclass(frozen=True, slots=True)
class Drilled:
    """One drill: its result, where its run directory is, how it began, and what its journal tells of steps.

    `steps` are with the journal's lines that tell of each, by the kind of entry; `harm` is the invariants
    that did not hold, with theirs.
    """

    result: DrillResult
    run_dir: Path
    start: DrillStarted
    steps: tuple[tuple[StepResult, Mapping[str, int]], ...]
    harm: tuple[tuple[int, InvariantChecked], ...]

    @property
    def name(self) -> str:
        """Scenario and variant."""
        return f"{self.result.scenario}/{self.result.variant}"

    @property
    def left_out(self) -> str:
        """Why nothing of it counts, or nothing where it does."""
        if self.result.verdict in NO_SAY:
            return f"{self.result.verdict}: {self.result.reason}"
        if self.result.responder != "runbook":
            return f"the responder was {self.result.responder}, not the runbook"
        return ""


@dataclass(frozen=True, slots=True)
class Deed:
    """What one drill did with one step.

    `line` is that of the journal's entry that says so, `lines` all that tell of the step, by the kind of
    entry; `why` adds what is to be said beside it, or is empty.
    """

    drill: Drilled
    use: Use
    exit_code: int | None
    line: int
    lines: Mapping[str, int]
    why: str = ""


@dataclass(frozen=True, slots=True)
class StepUsage:
    """One step and what the drills did with it.

    `deeds` are those of the drills that took it up, in their order; `why` is why only a human can do it,
    where it is manual.
    """

    step: Step
    use: Use
    deeds: tuple[Deed, ...]
    why: str = ""

    @property
    def hits(self) -> int:
        """How many drills carried it out."""
        return sum(deed.use in EXERCISED for deed in self.deeds)

    @property
    def counts(self) -> dict[Use, int]:
        """In how many drills it came to what, in the order of the words."""
        seen = [deed.use for deed in self.deeds]
        return {use: seen.count(use) for use in Use if use in seen}


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

    @property
    def possible(self) -> list[int]:
        """The lines of its steps that a drill can carry out: all but what only a human can do."""
        return [usage.step.line for usage in self.steps if usage.use is not Use.MANUAL]


def read_drilled(run_dir: Path, result: DrillResult) -> Drilled:
    """The drill in `run_dir`, whose result is `result`.

    Raises:
        JournalError: its journal can't be read.
    """
    entries = read(run_dir / JOURNAL, without=(Sampled, TrafficCounted, FloodCounted))
    harm = [(entry.line, check) for entry, check in events(entries, InvariantChecked) if not check.held]
    return Drilled(result, run_dir, started(entries), tuple(traced_steps(entries)), tuple(harm))


def usage(runbook: Runbook, drills: Sequence[Drilled]) -> list[SectionUsage]:
    """Every section of `runbook` that has steps of its own, in its order, by what `drills` did with them."""
    told = [drill for drill in drills if not drill.left_out]
    deeds: dict[int, list[Deed]] = {}
    for drill in told:
        for done, lines in drill.steps:
            deed = _deed(drill, done, lines)
            if deed is not None:
                deeds.setdefault(done.line, []).append(deed)
    humans = _humans(runbook, drills)
    steps: dict[tuple[str, ...], list[StepUsage]] = {}
    for step in runbook.steps:
        found = _usage(step, deeds.get(step.line, ()), humans.get(step.line, ""))
        steps.setdefault(step.section, []).append(found)
    sections = {section.path: section for section in reversed(runbook.sections)}
    return [
        SectionUsage(sections.get(path) or _untitled(path, found[0].step, runbook), tuple(found))
        for path, found in steps.items()
    ]


def _humans(runbook: Runbook, drills: Sequence[Drilled]) -> dict[int, str]:
    """Why only a human can do it, by the line of each step of which that is so.

    Journals of before `bound` do not say what the plan binds: of them a manual step counts as one that could
    be carried out, unless a drill came to it and found no binding, so that no percentage is flattered.
    """
    known = any(drill.start.bound is not None for drill in drills)
    bound = {line for drill in drills for line in drill.start.bound or ()}
    bound |= {
        done.line for drill in drills for done, _ in drill.steps if done.bound or _use(done) is not None
    }
    unbound = {done.line for drill in drills for done, _ in drill.steps if done.skipped == NO_BINDING}
    said = {line: why for drill in drills for line, why in drill.start.manual.items()}
    return {
        step.line: said.get(str(step.line), NOT_BOUND)
        for step in runbook.steps
        if step.kind is StepKind.MANUAL and step.line not in bound
        if known or step.line in unbound or str(step.line) in said
    }


def _untitled(path: tuple[str, ...], first: Step, runbook: Runbook) -> Section:
    """What stands in the place of a section for steps that are under no heading."""
    return Section(path[-1] if path else runbook.title, 1, first.line, path)


def _usage(step: Step, deeds: Iterable[Deed], manual: str) -> StepUsage:
    done = tuple(deeds)
    if manual:
        return StepUsage(step, Use.MANUAL, done, manual)
    return StepUsage(step, min((deed.use for deed in done), key=_BY_WEIGHT.index, default=Use.NEVER), done)


def _deed(drill: Drilled, done: StepResult, lines: Mapping[str, int]) -> Deed | None:
    """What `drill` did with a step, or None where it did not carry it out."""
    use, verdict = _use(done), drill.result.verdict
    if use is None:
        return None
    why = f"leads to {done.leads_to}" if done.leads_to else done.broken
    if use not in _BY_THE_END and verdict is Verdict.SELF_HEALED:
        use, why = Use.EXERCISED, "the control came back too: no effect is proven"
    kinds = ("step-skipped", "step-ended") if use in _BY_THE_END else ("step-effect", "step-ended")
    line = next(lines[kind] for kind in kinds if kind in lines)
    if use not in _BY_THE_END and verdict is Verdict.HARMFUL and done.state_changing and drill.harm:
        line, broken = drill.harm[0]
        use, why = (
            Use.HARMFUL,
            f"did not hold: {broken.name}" + (f" ({broken.detail})" if broken.detail else ""),
        )
    return Deed(drill, use, done.exit_code, line, lines, why)


def _use(done: StepResult) -> Use | None:
    """What the SLIs say that a step did, or None where it was not carried out."""
    if done.leads_to:
        return Use.EXERCISED
    if done.skipped or done.seconds is None:
        return None
    if done.broken:
        return Use.BROKEN
    if done.answered is False:
        return Use.UNANSWERED
    if done.effect is Effect.NONE and done.state_changing:
        return Use.NO_EFFECT
    return _EFFECTS.get(done.effect, Use.EXERCISED) if done.effect is not None else Use.EXERCISED
