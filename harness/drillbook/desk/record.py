"""The record: puts what is done at the desk into the journal, as steps, with what each did to the SLIs.

It tells nobody what it saw: whoever acts finds out as in a real incident, by looking.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drillbook.desk.plain import plain, redacted
from drillbook.events import FindingMade, LineTyped, StepEnded, StepStarted, StepWatched
from drillbook.journal import Journal
from drillbook.model import Effect, Level, Runbook, Step, StepKind
from drillbook.protocols import PlannedStep, Watch
from drillbook.responders.intent import PlatformJudge, changes_state
from drillbook.responders.runbook import effect
from drillbook.responders.shell import KEEP, Completed

LOOK_S = 0.3
EFFECT_S = 2.5
_LONGEST_COMMAND = 16_384
_RUN = "railway run "


@dataclass
class _Watched:
    """A step whose effect is being looked for."""

    id: int
    before: float
    changes: bool
    line: int
    task: asyncio.Task[None] | None = None


class Record:
    """What is done in one drill.

    Args:
        journal: takes it.
        watch: the SLIs.
        runbook: what stands in it is known by its line.
        steps: the steps of the drill's sections, as they would be carried out.
        platform: judges which commands of the platform's CLI change something.
        findings: takes the rule and message of what the platform came upon meanwhile; emptied here.
    """

    def __init__(
        self,
        journal: Journal,
        watch: Watch,
        runbook: Runbook,
        steps: Sequence[PlannedStep],
        *,
        platform: PlatformJudge,
        findings: Callable[[], Sequence[tuple[str, str]]],
    ) -> None:
        self._journal = journal
        self._watch = watch
        self._platform = platform
        self._findings = findings
        self._known = _known(runbook, steps)
        self._last = 0
        self._open: dict[int, _Watched] = {}
        self._watched: _Watched | None = None
        self.done: set[int] = set()
        """The lines of the runbook that were carried out."""

    def changes(self, command: str) -> bool:
        """Whether `command` can change the state of the system."""
        return changes_state(command, self._platform)

    def begin(self, command: str) -> int:
        """Note that `command` begins; the number of its step."""
        self.conclude()
        self._last += 1
        step = self._known.get(_like(command))
        shown = redacted(plain(command))[:_LONGEST_COMMAND]
        watched = _Watched(self._last, self._bad_lately(), self.changes(command), step.line if step else 0)
        self._open[self._last] = watched
        self._journal.write(
            StepStarted(
                id=self._last,
                line=watched.line,
                section=step.section if step else (),
                step_kind=StepKind.COMMAND,
                text=step.text if step else shown,
                command=shown,
                run=shown,
                bound=False,
                caution=step.caution if step else False,
                state_changing=watched.changes,
            )
        )
        return self._last

    def typed(self, number: int, text: str) -> None:
        """Note a line that was typed to the program that the step `number` runs."""
        if number in self._open:
            self._journal.write(LineTyped(number, redacted(plain(text))[:_LONGEST_COMMAND]))

    def end(self, number: int, done: Completed) -> int:
        """Note how the step `number` ended, and look for its effect from now on; its line, or 0."""
        watched = self._open.pop(number, None)
        if watched is None:
            return 0
        self.done |= {watched.line} - {0}
        self._journal.write(
            StepEnded(
                id=number,
                exit_code=done.exit_code,
                seconds=done.seconds,
                stdout=redacted(plain(done.stdout))[:KEEP],
                stderr=redacted(plain(done.stderr))[:KEEP],
                timed_out=done.timed_out,
            )
        )
        for rule, message in self._findings():
            self._journal.write(FindingMade(rule, watched.line, Level.WARNING, message))
        if self._watched is not None or not watched.changes:
            # Of what only reads it is chance what the SLIs do after it.
            self._journal.write(StepWatched(number, Effect.NONE, watched.before, self._bad_lately()))
        else:
            self._watched = watched
            watched.task = asyncio.create_task(self._see(watched))
        return watched.line

    async def _see(self, watched: _Watched) -> None:
        held = await self._watch.wait_until_holds(LOOK_S, EFFECT_S)
        self._tell(watched, held=held)

    def conclude(self) -> None:
        """Say now what the last step did: what comes next must not be taken for its doing."""
        watched = self._watched
        if watched is not None:
            if watched.task is not None:
                watched.task.cancel()
            self._tell(watched, held=self._watch.holds(LOOK_S))

    def _tell(self, watched: _Watched, *, held: bool) -> None:
        if self._watched is watched:
            self._watched = None
            after = self._bad_lately()
            seen = effect(watched.before, after, held=held, changes=watched.changes)
            self._journal.write(StepWatched(watched.id, seen, watched.before, after))

    def _bad_lately(self) -> float:
        now = time.monotonic()
        return self._watch.bad_fraction(now - LOOK_S, now)


def _known(runbook: Runbook, steps: Sequence[PlannedStep]) -> dict[str, Step]:
    """The runbook's steps by what somebody would type to carry them out."""
    found: dict[str, Step] = {}
    for planned in steps:
        for command in (planned.run, planned.step.command):
            if command:
                found.setdefault(_like(command), planned.step)
    for step in runbook.steps:
        if step.command:
            found.setdefault(_like(step.command), step)
    return found


def _like(command: str) -> str:
    """`command` as it is compared: without what makes no difference."""
    words = " ".join(command.split()).rstrip("; ")
    return words.removeprefix(_RUN)
