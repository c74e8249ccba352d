from __future__ import annotations

import pytest
from tests.journals import ZERO, drill, fault

from drillbook.clocks import Clocks, clocks, durations
from drillbook.errors import JournalError
from drillbook.events import AlertChanged, DrillStarted, FaultChanged, ResponderActed


def test_the_clocks_of_a_cured_drill_are_its_moments() -> None:
    times = clocks(drill().entries()).since(ZERO)
    assert times == Clocks(
        inject=4.4,
        impact=4.6,  # the bad sample of 4.6 to 4.62
        detect=6.0,
        ack=6.1,
        act=8.6,
        mitigate=9.12,  # the end of the first good sample
        declared=10.2,
        resolve=9.12,
    )
    spans = durations(times, 0.25)
    assert (spans.ttd, spans.tta, spans.ttm, spans.ttr) == pytest.approx((1.4, 0.1, 4.52, 4.52), abs=0.01)
    assert spans.error_s == 0.25


def test_the_oracle_s_own_waiting_does_not_count() -> None:
    long = clocks(drill(end=60.0).entries())
    short = clocks(drill(end=16.0).entries())
    assert long.resolve == short.resolve


def test_a_sample_under_way_at_the_injection_begins_the_impact_no_earlier_than_the_intent() -> None:
    story = drill().sample("write", 4.3, good=False, seconds=1.0)
    assert clocks(story.entries()).since(ZERO).impact == 4.0


def test_a_bad_sample_that_ended_before_the_intent_is_no_impact() -> None:
    story = drill().sample("write", 3.9, good=False)
    assert clocks(story.entries()).since(ZERO).impact == 4.6


def test_a_hung_sample_that_ends_late_moves_the_mitigation_behind_it() -> None:
    story = drill().sample("write", 11.0, good=False, seconds=2.9)
    assert clocks(story.entries()).since(ZERO).mitigate == 11.12


def test_each_sli_has_to_be_good_for_a_mitigation() -> None:
    story = drill().sample("health", 12.0, good=False)
    assert clocks(story.entries()).since(ZERO).mitigate == 12.17
    story.sample("health", 16.05, good=False)
    assert clocks(story.entries()).mitigate is None


def test_a_drill_that_is_not_cured_has_neither_mitigation_nor_resolution() -> None:
    times = clocks(drill(cured_at=None).entries())
    assert times.mitigate is None
    assert times.resolve is None
    assert durations(times, 0.25).ttm is None


def test_a_cause_that_is_still_there_leaves_a_mitigation_without_a_resolution() -> None:
    times = clocks(drill(cause="present").entries())
    assert times.mitigate is not None
    assert times.resolve is None


def test_a_cause_that_came_back_or_was_seen_gone_too_early_leaves_no_resolution() -> None:
    back = drill().at(13.0, fault("gone"), fault("present"))
    assert clocks(back.entries()).resolve is None
    early = drill(cause="present").swap(FaultChanged, lambda e: fault("x") if e.change == "present" else e)
    early.sample("write", 12.0, good=False).at(11.0, fault("gone"))
    times = clocks(early.entries())
    assert times.mitigate is not None
    assert times.resolve is None


def test_of_two_faults_both_causes_have_to_be_gone() -> None:
    other = [FaultChanged("second", change) for change in ("intent", "confirmed")]
    story = drill().at(4.39, *other)
    assert clocks(story.entries()).resolve is None
    story.at(15.1, FaultChanged("second", "gone"))
    assert clocks(story.entries()).resolve is not None


def test_without_a_fault_there_is_no_clock() -> None:
    assert clocks(drill().without(FaultChanged).entries()) == Clocks()


def test_an_alert_before_the_first_bad_sample_detects_at_the_impact() -> None:
    story = drill().without(AlertChanged).at(4.41, AlertChanged("early", "fired"))
    times = clocks(story.entries())
    assert times.detect == times.impact
    assert durations(times, 0.25).ttd == 0.0


def test_an_alert_of_before_the_fault_detects_nothing() -> None:
    story = drill().without(AlertChanged).at(2.0, AlertChanged("noise", "fired"))
    assert clocks(story.entries()).detect is None


def test_an_acknowledgement_before_the_alert_has_no_time_to_acknowledge() -> None:
    story = drill().without(ResponderActed).at(5.0, ResponderActed("shell", "ack"))
    assert durations(clocks(story.entries()), 0.25).tta is None


def test_a_responder_s_declaration_counts_before_its_mere_end() -> None:
    story = drill().at(12.0, ResponderActed("shell", "declared"))
    assert clocks(story.entries()).since(ZERO).declared == 12.0


def test_a_fault_healed_before_it_is_injected_ends_no_evidence() -> None:
    assert clocks(drill().at(2.0, fault("healed")).entries()) == clocks(drill().entries())


def test_a_journal_without_a_start_is_refused() -> None:
    with pytest.raises(JournalError, match="does not begin"):
        clocks(drill().without(DrillStarted).entries())
