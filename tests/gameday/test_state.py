"""A game day's state, from journals that are told line by line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.journals import Story

from drillbook.errors import JournalError
from drillbook.events import (
    Event,
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
from drillbook.gameday.state import JOURNAL, Stage, read_state, state_of
from drillbook.journal import Journal

START = GameDayStarted(
    drillbook="0.1.0", name="Weekly", plan="day.yaml", plan_sha256="", drill_plan="plan.yaml",
    responder="runbook", backend="local", roles={"facilitator": "keeps the time"}, drills=2,
    names=("a/b", "c/d"), control="/tmp/x/control",
)  # fmt: skip
ONE = GameDayDrillBegan(1, "01-a--b", "a/b")
ONE_OVER = GameDayDrillEnded(1, "01-a--b", "a/b", 4.0)


@pytest.mark.parametrize(
    ("events", "stage", "orders"),
    [
        ([], Stage.RUNNING, ("pause", "abort")),
        ([ONE], Stage.RUNNING, ("pause", "abort")),
        ([ONE, GameDayPaused("me")], Stage.PAUSING, ("resume", "abort")),
        ([ONE, GameDayPaused("me"), ONE_OVER], Stage.PAUSED, ("resume", "abort")),
        ([ONE, GameDayPaused("me"), ONE_OVER, GameDayResumed("me")], Stage.RUNNING, ("pause", "abort")),
        ([ONE, GameDayAborted("order", "me")], Stage.ABORTING, ()),
        ([ONE, GameDayAborted("order", "me"), ONE_OVER, GameDayEnded()], Stage.ABORTED, ()),
        ([ONE, ONE_OVER, GameDayEnded()], Stage.FINISHED, ()),
        ([GameDayFailed("no postgres"), GameDayEnded()], Stage.FAILED, ()),
        ([ONE, GameDayInterrupted("the end of its command")], Stage.INTERRUPTED, ()),
    ],
)
def test_the_stage_and_what_can_be_ordered(
    events: list[Event], stage: Stage, orders: tuple[str, ...]
) -> None:
    state = state_of(Story().at(0, START, *events).entries())
    assert state.stage is stage
    assert state.orders == orders


def test_the_drill_that_goes_on_is_the_one_that_has_not_ended(tmp_path: Path) -> None:
    journal = Journal(tmp_path / JOURNAL)
    for event in (START, ONE, ONE_OVER, GameDayDrillBegan(2, "02", "")):
        journal.write(event)
    journal.close()
    state = read_state(tmp_path)
    assert [drill.run_dir for drill in state.drills] == ["01-a--b", "02"]
    assert state.current is not None
    assert state.current.number == 2
    assert state.start.roles == {"facilitator": "keeps the time"}


def test_a_drills_journal_is_none_of_a_game_day() -> None:
    with pytest.raises(JournalError, match="does not begin with the start of a game day"):
        state_of(Story().at(0, ONE).entries())
