"""The responder that carries out the runbook: its steps in their order, literally, until the SLIs hold.

It never looks at the fault and never skips ahead; whether a step helped is what the SLIs show after it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drillbook.events import (
    LEFT_OUT,
    NO_BINDING,
    SLIS_HOLD,
    FindingMade,
    ResponderActed,
    StepEnded,
    StepSkipped,
    StepStarted,
    StepWatched,
)
from drillbook.journal import Journal
from drillbook.model import Effect, Level
from drillbook.protocols import PlannedStep, Watch
from drillbook.responders.broken import why_broken
from drillbook.responders.intent import PlatformJudge, changes_state
from drillbook.responders.shell import Completed, Shell

# How much the fraction of bad samples must move for a step to have done something.
NOTICEABLE = 0.25
_NOT_RUN = Completed(None, 0.0, "", "", timed_out=False)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the responder looks at the SLIs, in seconds.

    `look_s` is the window that must hold, and the window over which bad samples are counted;
    `effect_s` how long a step that changes something is given to show its effect.
    """

    look_s: float = 0.3
    effect_s: float = 2.5
    step_deadline_s: float = 10.0


class RunbookResponder:
    """Carries out `steps` in `shell`.

    Args:
        steps: the steps of the responding sections, in order.
        shell: where commands run.
        journal: takes what happens.
        watch: the SLIs.
        pace: its patience.
        platform: judges which commands of the platform's CLI change something.
        findings: takes the rule and message of what the platform came upon while a step ran; emptied here.
    """

    name = "runbook"

    def __init__(
        self,
        steps: Sequence[PlannedStep],
        shell: Shell,
        journal: Journal,
        watch: Watch,
        *,
        pace: Pace,
        platform: PlatformJudge,
        findings: Callable[[], Sequence[tuple[str, str]]],
    ) -> None:
        self._steps = steps
        self._shell = shell
        self._journal = journal
        self._watch = watch
        self._pace = pace
        self._platform = platform
        self._findings = findings

    async def respond(self) -> None:
        """Carry out one step after another while the SLIs do not hold."""
        for number, planned in enumerate(self._steps, 1):
            if planned.left_out:
                self._skip(planned, LEFT_OUT)
            elif planned.manual:
                self._skip(planned, planned.manual)
            elif self._watch.holds(self._pace.look_s):
                self._skip(planned, SLIS_HOLD)
            elif planned.run:
                await self._carry_out(number, planned)
            elif planned.leads_to:
                self._skip(planned, f"leads to the section {planned.leads_to}", leads_to=planned.leads_to)
            else:
                self._skip(planned, NO_BINDING)
        if self._watch.holds(self._pace.look_s):
            self._journal.write(ResponderActed(self.name, "declared", SLIS_HOLD))
        else:
            self._journal.write(ResponderActed(self.name, "finished", "no step is left"))

    def _skip(self, planned: PlannedStep, reason: str, *, leads_to: str = "") -> None:
        step = planned.step
        self._journal.write(
            StepSkipped(
                line=step.line,
                section=step.section,
                step_kind=step.kind,
                text=step.text,
                command=step.command or "",
                caution=step.caution,
                reason=reason,
                leads_to=leads_to,
            )
        )

    async def _carry_out(self, number: int, planned: PlannedStep) -> None:
        step = planned.step
        changes = changes_state(planned.run, self._platform)
        before = self._bad_lately()
        self._journal.write(
            StepStarted(
                id=number,
                line=step.line,
                section=step.section,
                step_kind=step.kind,
                text=step.text,
                command=step.command or planned.run,
                run=planned.run,
                bound=planned.bound,
                caution=step.caution,
                state_changing=changes,
            )
        )
        broken, done = await self._run(planned)
        answered = None
        if planned.expect:
            answered = re.search(planned.expect, f"{done.stdout}\n{done.stderr}", re.MULTILINE) is not None
        self._journal.write(
            StepEnded(
                id=number,
                exit_code=done.exit_code,
                seconds=done.seconds,
                stdout=done.stdout,
                stderr=done.stderr,
                timed_out=done.timed_out,
                broken=broken,
                answered=answered,
            )
        )
        if answered is False:
            message = f"“{step.text}” was not answered: its output has nothing like {planned.expect!r}"
            self._journal.write(FindingMade("unanswered-step", step.line, Level.WARNING, message))
        for rule, message in self._findings():
            self._journal.write(FindingMade(rule, step.line, Level.WARNING, message))
        await self._see_effect(number, before, changes=changes)

    async def _run(self, planned: PlannedStep) -> tuple[str, Completed]:
        if planned.unfilled:
            names = ", ".join(planned.unfilled)
            return f"the plan has no rule to fill {names}", _NOT_RUN
        done = await self._shell.run(planned.run, deadline_s=self._pace.step_deadline_s)
        return why_broken(planned.run, done, self._shell.environment), done

    async def _see_effect(self, number: int, before: float, *, changes: bool) -> None:
        look = self._pace.look_s
        held = await self._watch.wait_until_holds(look, self._pace.effect_s if changes else look)
        after = self._bad_lately()
        seen = effect(before, after, held=held, changes=changes)
        self._journal.write(StepWatched(number, seen, before, after))

    def _bad_lately(self) -> float:
        now = time.monotonic()
        return self._watch.bad_fraction(now - self._pace.look_s, now)


def effect(before: float, after: float, *, held: bool, changes: bool) -> Effect:
    """What a step did, from the fractions of bad samples before and after it.

    A step that only reads (`changes` is false) is neither blamed for an outage that still spreads nor
    praised for one that shrinks.
    """
    if held and before > 0:
        return Effect.CURED
    if changes and after <= before - NOTICEABLE:
        return Effect.BETTER
    if changes and after >= before + NOTICEABLE:
        return Effect.WORSE
    return Effect.NONE
