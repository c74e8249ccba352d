from __future__ import annotations

from dataclasses import replace

import pytest
from tests.journals import STATUS, Story, changed, control, drill, runbook, start

from drillbook.clocks import clocks
from drillbook.conduct import Conduct, conduct
from drillbook.events import DrillStarted, HintTaken, ResponderActed, UpdateSent
from drillbook.model import Cadence, Json, Objectives, Verdict
from drillbook.result import DrillResult, result_of

RESOLVED = STATUS.replace("Investigating / Identified / Monitoring / Resolved", "Resolved")
INTERVAL_S = 4.0


def human(**changes: object) -> DrillStarted:
    """The start of a drill at the desk: 2 s to acknowledge, and updates every 4 s beside first and last."""
    cadences = (
        Cadence("start", "", 1),
        Cadence("interval", "", 2, INTERVAL_S),
        Cadence("resolution", "", 3),
    )
    levels = tuple(replace(level, response_s=2.0) for level in runbook().severities)
    book: dict[str, Json] = dict(changed(runbook(), cadences=cadences, severities=levels))
    return replace(start(responder="shell", runbook=book), **changes)  # type: ignore[arg-type]  # as there


def story(*, acknowledged: float = 6.5, first: DrillStarted | None = None, end: float = 16.0) -> Story:
    """The usual drill, paged at 6 s and cured at 9 s, by somebody at the desk who says so at 12 s."""
    told = drill(first=first or human(), end=end).without(ResponderActed)
    return told.at(acknowledged, ResponderActed("shell", "ack")).at(
        12.0, ResponderActed("shell", "declared", "the SLIs hold")
    )


def did(told: Story) -> Conduct:
    entries = told.entries()
    return conduct(entries, clocks(entries))


def result(told: Story) -> DrillResult:
    return result_of(told.entries(), control().entries(), run_dir=".")


def points(told: Story) -> dict[str, float]:
    made = result(told).score
    assert made is not None
    assert sum(part.maximum for part in made.parts) == 100
    return {part.name: part.points for part in made.parts} | {"total": made.total}


def updated() -> Story:
    return story().at(7.0, UpdateSent(STATUS)).at(10.0, UpdateSent(STATUS)).at(11.5, UpdateSent(RESOLVED))


def test_who_does_everything_right_has_all_points() -> None:
    made = did(updated())
    assert made.acknowledged_s == pytest.approx(0.5)
    assert made.response_s == 2.0
    assert [due.moment for due in made.due] == ["start", "interval", "resolution"]
    assert made.in_time == 3
    assert points(updated())["total"] == 100


def test_who_says_nothing_to_anybody_has_none_for_it() -> None:
    assert [due.sent for due in did(story()).due] == [None, None, None]
    assert points(story())["updates in time"] == 0


def test_an_update_that_comes_too_late_or_not_at_the_end_does_not_count() -> None:
    late = story().at(8.5, UpdateSent(STATUS)).at(11.5, UpdateSent(STATUS))
    assert [(due.moment, due.sent is not None) for due in did(late).due] == [
        ("start", False),
        ("interval", True),
        ("resolution", False),
    ]


def test_something_left_open_in_an_update_costs_a_point() -> None:
    told = updated().swap(UpdateSent, lambda u: replace(u, unfilled=("Impact is empty",)))
    assert points(told)["updates in time"] == 7


def test_a_late_acknowledgement_costs_its_share() -> None:
    assert points(story(acknowledged=6.5))["acknowledged in time"] == 10
    assert 0 < points(story(acknowledged=9.0))["acknowledged in time"] < 10


@pytest.mark.parametrize(
    ("levels", "left"), [((), 15), ((1,), 12), ((2, 3), 9), ((1, 2, 3, 4), 0), ((4,), 9)]
)
def test_each_hint_costs_and_the_answer_most(levels: tuple[int, ...], left: float) -> None:
    told = story()
    for n, level in enumerate(levels):
        told.at(7.0 + n / 10, HintTaken(level, "look"))
    assert [taken.level for _, taken in did(told).hints] == list(levels)
    assert points(told)["without hints"] == left


def test_a_false_all_clear_is_named_and_is_not_the_moment_of_the_all_clear() -> None:
    told = story().at(8.0, ResponderActed("shell", "false-all-clear", "write: no answer"))
    entries = told.entries()
    assert [detail for _, detail in did(told).false_all_clears] == ["write: no answer"]
    assert clocks(entries).declared == entries[0].t + 12.0
    assert points(told)["a true all-clear"] == 0
    assert result(told).verdict is Verdict.RESOLVED


def test_what_was_well_for_long_before_the_all_clear_went_unnoticed() -> None:
    assert did(story()).unnoticed_s == 0
    late = story(end=60.0).swap(
        ResponderActed, lambda act: ResponderActed("shell", "checked") if act.change == "declared" else act
    )
    late.at(55.0, ResponderActed("shell", "declared"))
    assert did(late).unnoticed_s == pytest.approx(46, abs=1)


def test_who_gives_up_is_not_asked_for_an_update_at_the_resolution() -> None:
    told = drill(first=human(), cured_at=None).without(ResponderActed)
    told.at(9.0, ResponderActed("shell", "gave-up"))
    made = did(told)
    assert made.gave_up
    assert "resolution" not in [due.moment for due in made.due]
    assert made.acknowledged_s is None
    assert result(told).verdict is Verdict.NOT_RESOLVED
    assert points(told)["acknowledged in time"] == 0
    assert points(told)["a true all-clear"] == 0


def test_a_runbook_without_cadences_or_severities_asks_for_nothing() -> None:
    bare = start(responder="shell", runbook=changed(runbook(), cadences=(), severities=()))
    assert did(story(first=bare)).due == ()
    assert points(story(first=bare))["updates in time"] == 10


def test_what_a_human_says_changes_no_verdict() -> None:
    bad = drill(first=human(), cured_at=None).without(ResponderActed)
    bad.at(12.0, ResponderActed("shell", "declared", "the SLIs hold"))
    assert result(bad).verdict is Verdict.NOT_RESOLVED
    there = drill(first=human(objectives=Objectives()), cause="present").without(ResponderActed)
    there.at(12.0, ResponderActed("shell", "declared", "the SLIs hold"))
    assert result(there).verdict is Verdict.NOT_RESOLVED
