from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.journals import Story, control, drill, ended, start

from drillbook.clocks import clocks, durations
from drillbook.events import Event, ResponderActed, Sampled, StepEnded
from drillbook.model import Objectives, Verdict
from drillbook.result import result_of
from drillbook.score import score


def result_score(story: Story, beside: Story | None = None) -> dict[str, float]:
    made = result_of(story.entries(), (beside or control()).entries(), run_dir=".")
    assert made.score is not None
    return {part.name: part.points for part in made.score.parts} | {"total": made.score.total}


def test_a_swift_and_clean_cure_earns_everything() -> None:
    assert result_score(drill())["total"] == 100.0


def test_a_slow_cure_earns_less_and_still_more_than_none() -> None:
    first = start(objectives=Objectives(detect_s=1.0, resolve_s=3.0))
    slow = result_score(drill(first=first))
    assert 0 < slow["resolved in time"] < 15
    assert 0 < slow["detected in time"] < 10
    none = result_score(drill(cured_at=None))
    assert none["resolved"] == none["resolved in time"] == 0
    assert none["total"] < slow["total"] < 100


def test_what_heals_by_itself_earns_the_responder_nothing() -> None:
    assert result_score(drill(), control(healed_at=10.0))["total"] == 0.0


def test_a_broken_step_costs_its_share() -> None:
    broken = ended(1, broken="unknown command")
    story = drill().swap(StepEnded, lambda e: broken if e.id == 1 else e)
    assert result_score(story)["steps run as written"] == 5.0


def test_a_drill_without_a_say_has_no_score() -> None:
    entries = drill().entries()
    times = clocks(entries)
    for verdict in (Verdict.FAULT_NOT_TAKEN, Verdict.INFRA_ERROR):
        assert score(entries, verdict, times, durations(times, 0.25)) is None


def shaken(seed: int) -> Story:
    """A drill in which events are lost, moved and turned around at random."""
    chance = random.Random(seed)
    story = drill(cured_at=chance.choice([None, 7.0, 9.0, 14.9]), cause=chance.choice(["gone", "present"]))
    loss, move, turn = (chance.choice([0.0, 0.02, 0.3]) for _ in range(3))
    parts: list[tuple[float, Event]] = []
    for t, event in story.parts:
        if chance.random() < loss:
            continue
        moved = max(0.0, t + chance.uniform(-3, 3)) if t and chance.random() < move else t
        if isinstance(event, Sampled) and chance.random() < turn:
            parts.append((moved, replace(event, good=not event.good)))
        else:
            parts.append((moved, event))
    first, rest = story.parts[0], [part for part in parts if part[1] is not story.parts[0][1]]
    return Story([first, *rest])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_a_journal_holds_the_score_keeps_its_bounds_and_the_clocks_their_order(seed: int) -> None:
    made = result_of(shaken(seed).entries(), control().entries(), run_dir=".")
    if made.score is None:
        assert made.verdict in (Verdict.FAULT_NOT_TAKEN, Verdict.INFRA_ERROR)
    else:
        assert sum(part.maximum for part in made.score.parts) == 100
        assert all(0 <= part.points <= part.maximum for part in made.score.parts)
        assert abs(made.score.total - sum(part.points for part in made.score.parts)) < 0.1
        assert (made.score.total >= 50) == (made.verdict is Verdict.RESOLVED)
    spans = made.durations
    assert all(span is None or span >= 0 for span in (spans.ttd, spans.tta, spans.ttm, spans.ttr))
    times = made.clocks
    assert times.mitigate is None or (times.impact is not None and times.mitigate >= times.impact)
    assert times.resolve is None or times.resolve == times.mitigate
    assert (made.verdict is Verdict.RESOLVED) <= (times.resolve is not None)


@pytest.mark.parametrize(("speed", "points"), [(1, 5.0), (6000, 4.7), (60000, 0.0)])
def test_the_responder_has_the_runbook_s_response_time_on_the_drill_s_clock(
    speed: int, points: float
) -> None:
    # Half a second after the alert; SEV1 has 15 minutes.
    story = drill(first=start(clock_speed=speed))
    late = Story([(t + 0.06 if isinstance(event, ResponderActed) and event.change == "ack" else t, event)
                  for t, event in story.parts])  # fmt: skip
    assert result_score(late)["acknowledged in time"] == points


def test_a_severity_without_a_response_time_asks_for_no_haste() -> None:
    first = start(severity="SEV3", clock_speed=60000)
    assert result_score(drill(first=first))["acknowledged in time"] == 5.0
