"""The state of a game day, made from its journal and nothing else: what goes on, and what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from drillbook.errors import JournalError
from drillbook.events import (
    AnnouncementFailed,
    AnnouncementMade,
    GameDayAborted,
    GameDayDrillBegan,
    GameDayDrillEnded,
    GameDayEnded,
    GameDayFailed,
    GameDayInterrupted,
    GameDayPaused,
    GameDayResumed,
    GameDayStarted,
)
from drillbook.journal import Entry, events, read

JOURNAL = "game-day.jsonl"


class Stage(StrEnum):
    """How far a game day is."""

    RUNNING = "running"
    PAUSING = "pausing"  # once the drill that goes on has ended
    PAUSED = "paused"
    ABORTING = "aborting"
    FINISHED = "finished"
    ABORTED = "aborted"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def over(self) -> bool:
        """Whether nothing more comes."""
        return self in (Stage.FINISHED, Stage.ABORTED, Stage.FAILED, Stage.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class DrillState:
    """A drill of the day, its times on the monotonic clock. `name` is empty while nobody is to know it."""

    number: int
    run_dir: str
    name: str
    began: float
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A game day as its journal has it. `start` is its first entry; times are of the monotonic clock."""

    start: GameDayStarted
    began: Entry
    stage: Stage
    drills: tuple[DrillState, ...]
    aborted: GameDayAborted | None
    failure: str
    announced: tuple[AnnouncementMade, ...]
    unannounced: tuple[AnnouncementFailed, ...]
    last: Entry

    @property
    def current(self) -> DrillState | None:
        """The drill that goes on, if one does."""
        return next((drill for drill in self.drills if drill.ended is None), None)

    @property
    def orders(self) -> tuple[str, ...]:
        """What can be ordered now."""
        if self.stage.over or self.stage is Stage.ABORTING:
            return ()
        return ("resume" if self.stage in (Stage.PAUSING, Stage.PAUSED) else "pause", "abort")


def read_state(folder: Path) -> State:
    """The state of the game day in `folder`.

    Raises:
        JournalError: there is no readable journal of one.
    """
    return state_of(read(folder / JOURNAL), path=folder / JOURNAL)


def state_of(entries: Sequence[Entry], *, path: Path | None = None) -> State:
    """The state that the entries of a game day's journal come to.

    Raises:
        JournalError: they do not begin with the start of a game day.
    """
    if not entries or not isinstance(entries[0].event, GameDayStarted):
        raise JournalError("the journal does not begin with the start of a game day", path=path)
    drills: dict[int, DrillState] = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, GameDayDrillBegan):
            drills[event.number] = DrillState(event.number, event.run_dir, event.name, entry.t)
        elif isinstance(event, GameDayDrillEnded):
            began = drills[event.number].began if event.number in drills else entry.t
            drills[event.number] = DrillState(event.number, event.run_dir, event.name, began, entry.t)
    aborts = events(entries, GameDayAborted)
    failures = events(entries, GameDayFailed)
    return State(
        start=entries[0].event,
        began=entries[0],
        stage=_stage(entries, going=any(drill.ended is None for drill in drills.values())),
        drills=tuple(drills.values()),
        aborted=aborts[0][1] if aborts else None,
        failure=failures[0][1].message if failures else "",
        announced=tuple(event for _, event in events(entries, AnnouncementMade)),
        unannounced=tuple(event for _, event in events(entries, AnnouncementFailed)),
        last=entries[-1],
    )


def _stage(entries: Sequence[Entry], *, going: bool) -> Stage:
    kinds = {type(entry.event) for entry in entries}
    if GameDayInterrupted in kinds:
        return Stage.INTERRUPTED
    if GameDayEnded in kinds:
        if GameDayFailed in kinds:
            return Stage.FAILED
        return Stage.ABORTED if GameDayAborted in kinds else Stage.FINISHED
    if GameDayAborted in kinds or GameDayFailed in kinds:
        return Stage.ABORTING
    held = [entry.event for entry in entries if isinstance(entry.event, (GameDayPaused, GameDayResumed))]
    if held and isinstance(held[-1], GameDayPaused):
        return Stage.PAUSING if going else Stage.PAUSED
    return Stage.RUNNING
