from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from tests.journals import Story, control, drill, ended, fault, not_applied, start, step

from drillbook.events import (
    DrillEnded,
    DrillStarted,
    ErrorMet,
    Event,
    FaultChanged,
    Interrupted,
    InvariantChecked,
    Sampled,
    StepEnded,
)
from drillbook.model import ExitCode, Phase, Verdict
from drillbook.verdict import LONGEST_REASON, Judgement, exit_code, expected, judge


def verdict_of(story: Story, beside: Story | None = None, *, wanted: bool = True) -> Judgement:
    return judge(story.entries(), beside.entries() if beside else None, control_expected=wanted)


def is_fault(change: str) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, FaultChanged) and event.change == change


def without(story: Story, drop: Callable[[Event], bool]) -> Story:
    return Story([part for part in story.parts if not drop(part[1])], story.zero)


def test_a_cured_drill_beside_a_control_that_stayed_bad_is_resolved() -> None:
    judgement = verdict_of(drill(), control())
    assert judgement.verdict is Verdict.RESOLVED
    assert "control was still bad" in judgement.reason


def test_a_drill_without_its_control_is_resolved_only_where_none_was_wanted() -> None:
    assert verdict_of(drill()).verdict is Verdict.INFRA_ERROR
    judgement = verdict_of(drill(), wanted=False)
    assert judgement.verdict is Verdict.RESOLVED
    assert "no control was run" in judgement.reason


def test_a_control_that_recovers_makes_it_self_healed() -> None:
    assert verdict_of(drill(), control(healed_at=10.0)).verdict is Verdict.SELF_HEALED


def test_a_control_whose_cause_went_away_makes_it_self_healed() -> None:
    assert verdict_of(drill(), control(cause="gone")).verdict is Verdict.SELF_HEALED


@pytest.mark.parametrize(
    ("beside", "word"),
    [
        (control(end=7.0), "watched"),
        (without(control(), is_fault("confirmed")), "no say"),
        (control().until(12.0), "no say"),
        (control().swap(Sampled, lambda e: replace(e, good=True)), "no say"),
        (drill(first=start(role="control")), "not this drill's"),
        (
            control().swap(DrillStarted, lambda e: replace(e, variant="another")),
            "not this drill's",
        ),
    ],
    ids=["too short", "fault not confirmed", "torn", "never bad", "somebody acted", "another variant"],
)
def test_a_control_that_proves_nothing_leaves_no_say(beside: Story, word: str) -> None:
    judgement = verdict_of(drill(), beside)
    assert judgement.verdict is Verdict.INFRA_ERROR
    assert word in judgement.reason


def test_an_empty_journal_of_a_control_proves_nothing() -> None:
    assert judge(drill().entries(), []).verdict is Verdict.INFRA_ERROR


def test_a_drill_that_never_recovers_is_not_resolved_and_says_which_sli_was_bad() -> None:
    judgement = verdict_of(drill(cured_at=None), control())
    assert judgement.verdict is Verdict.NOT_RESOLVED
    assert "write was still bad" in judgement.reason


def test_a_broken_step_explains_a_drill_that_never_recovers() -> None:
    broken = ended(2, 2, broken="unrecognized subcommand 'rollback'")
    story = drill(cured_at=None).swap(StepEnded, lambda e: broken if e.id == 2 else e)
    judgement = verdict_of(story, control())
    assert judgement.verdict is Verdict.STEP_BROKEN
    assert judgement.reason.startswith("Line 15 can't run as written (unrecognized subcommand")


def test_good_slis_over_a_cause_that_is_still_there_are_not_resolved() -> None:
    judgement = verdict_of(drill(cause="present"), control())
    assert judgement.verdict is Verdict.NOT_RESOLVED
    assert "pid 4211 is there" in judgement.reason


def test_a_reason_that_is_too_long_is_cut_between_two_words() -> None:
    words = "lockholder " * 40
    reason = verdict_of(drill(cured_at=None).at(15.2, fault("present", words)), control()).reason
    assert reason.endswith(" lockholder…")
    assert len(reason) <= LONGEST_REASON


def test_a_cause_that_comes_back_and_goes_again_is_not_resolved() -> None:
    story = drill().at(14.0, fault("gone"), fault("present", "the release opens it again"))
    judgement = verdict_of(story, control())
    assert judgement.verdict is Verdict.NOT_RESOLVED
    assert "came back" in judgement.reason


def test_slis_that_were_good_for_a_while_and_went_bad_again_came_back() -> None:
    story = drill()
    for n in range(4):
        story.sample("write", 15.1 + n / 5, good=False)
    judgement = verdict_of(story, control())
    assert judgement.verdict is Verdict.NOT_RESOLVED
    assert "came back after" in judgement.reason


def test_a_broken_invariant_is_harmful_even_where_the_cause_is_gone() -> None:
    story = drill().at(15.75, InvariantChecked("sessions are kept", held=False, detail="3 of 9 lost"))
    judgement = verdict_of(story, control())
    assert judgement.verdict is Verdict.HARMFUL
    assert "sessions are kept broke: 3 of 9 lost" in judgement.reason


def test_an_invariant_that_broke_once_stays_broken() -> None:
    name = "acknowledged orders are kept"
    story = drill().at(15.55, InvariantChecked(name, held=False)).at(15.9, InvariantChecked(name, held=True))
    assert verdict_of(story, control()).verdict is Verdict.HARMFUL


@pytest.mark.parametrize("change", ["present", "gone"])
def test_no_look_at_the_cause_is_no_proof(change: str) -> None:
    story = without(drill(), is_fault("gone"))
    assert verdict_of(story, control()).verdict is Verdict.INFRA_ERROR
    story.at(7.0, fault(change))  # while responding: not the proof that is asked for
    assert verdict_of(story, control()).verdict is Verdict.INFRA_ERROR


def test_a_cause_last_looked_at_before_the_slis_were_good_is_no_proof() -> None:
    story = without(drill(cured_at=12.0, end=17.0), is_fault("gone")).at(10.5, fault("gone"))
    assert verdict_of(story, control()).verdict is Verdict.INFRA_ERROR


def test_no_checked_invariant_is_no_proof() -> None:
    judgement = verdict_of(drill().without(InvariantChecked), control())
    assert judgement.verdict is Verdict.INFRA_ERROR
    assert "no invariant" in judgement.reason


def test_slis_that_only_the_tear_down_makes_good_are_not_resolved() -> None:
    story = without(drill(cured_at=None), lambda e: isinstance(e, DrillEnded))
    for n in range(20):
        for sli in ("write", "health"):
            story.sample(sli, 16.2 + n / 4, good=True)
    assert verdict_of(story.at(30.0, DrillEnded()), control()).verdict is Verdict.NOT_RESOLVED


def test_an_sli_that_falls_silent_after_the_fault_never_counts_as_good() -> None:
    silent = without(drill(), lambda e: isinstance(e, Sampled) and e.sli == "health" and e.end > 5004)
    assert verdict_of(silent, control()).verdict is Verdict.NOT_RESOLVED
    torn = without(drill(), lambda e: isinstance(e, Sampled) and e.sli == "health" and e.end > 5010)
    assert verdict_of(torn, control()).verdict is Verdict.NOT_RESOLVED


def test_a_hole_in_the_good_window_leaves_no_say() -> None:
    story = without(drill(end=20.0), lambda e: isinstance(e, Sampled) and 5011 < e.end < 5016)
    judgement = verdict_of(story, control())
    assert judgement.verdict is Verdict.INFRA_ERROR
    assert "not sampled for" in judgement.reason


def test_a_good_window_shorter_than_the_hold_is_not_resolved() -> None:
    assert verdict_of(drill(cured_at=14.6), control()).verdict is Verdict.NOT_RESOLVED


@pytest.mark.parametrize(
    ("story", "word"),
    [
        (without(drill(), is_fault("confirmed")), "never confirmed"),
        (drill().at(4.3, fault("not-taken", "no session holds the lock")), "no session holds the lock"),
        (without(drill(), is_fault("intent")), "No fault"),
        (drill(cured_at=1.0), "No SLI went bad"),
        (drill().at(4.45, step(9, 15, "early", "restart", changes=True)), "before the first command"),
    ],
    ids=["not confirmed", "not taken", "no intent", "no impact", "bad only after a command"],
)
def test_a_fault_that_shows_no_effect_has_not_been_taken(story: Story, word: str) -> None:
    judgement = verdict_of(story, control())
    assert judgement.verdict is Verdict.FAULT_NOT_TAKEN
    assert word in judgement.reason


def test_a_bad_sample_under_way_at_the_injection_is_no_effect_of_the_fault() -> None:
    story = drill(cured_at=1.0).sample("write", 4.5, good=False, seconds=0.9)
    assert verdict_of(story, control()).verdict is Verdict.FAULT_NOT_TAKEN


@pytest.mark.parametrize(
    ("story", "word"),
    [
        (drill().until(7.0), "Interrupted in phase respond"),
        (drill().without(DrillEnded), "Interrupted in phase tear-down"),
        (drill().at(12.0, ErrorMet(Phase.VERIFY, "postgres is gone")), "phase verify: postgres is gone"),
        (drill().at(12.0, Interrupted(Phase.VERIFY, "SIGINT")), "phase verify by SIGINT"),
        (drill().sample("write", 3.9, good=False, detail="slow"), "write was bad before the fault: slow"),
        (drill().sample("write", 3.7, good=False, detail="slow"), "write was bad before the fault: slow"),
        (drill().sample("late", 8.0, good=True), "late was not sampled right before the fault"),
        (drill().sample("write", 3.0, good=True, seconds=-1.0), "times that can't be"),
        (drill().without(Sampled), "No SLI was sampled"),
    ],
)
def test_a_drill_that_did_not_run_as_it_must_has_no_say(story: Story, word: str) -> None:
    judgement = verdict_of(story, control())
    assert judgement.verdict is Verdict.INFRA_ERROR
    assert word in judgement.reason


def test_every_torn_journal_is_an_infra_error_and_never_raises() -> None:
    whole, beside = drill().entries(), control().entries()
    for length in range(len(whole)):
        assert judge(whole[:length], beside).verdict is Verdict.INFRA_ERROR, length


def test_a_control_alone_is_not_resolved_as_it_should_be_or_else_self_healed() -> None:
    assert verdict_of(control()).verdict is Verdict.NOT_RESOLVED
    assert verdict_of(control(healed_at=9.0)).verdict is Verdict.SELF_HEALED
    assert verdict_of(drill(first=start(responder="none"))).verdict is Verdict.SELF_HEALED


@dataclass
class One:
    verdict: Verdict
    known_gap: str | None = None
    interrupted: bool = False


def test_a_known_gap_is_expected_to_fall_short_and_is_out_of_date_once_it_resolves() -> None:
    assert expected(Verdict.RESOLVED, None)
    assert not expected(Verdict.NOT_RESOLVED, None)
    assert not expected(Verdict.RESOLVED, "a gap")
    for verdict in (Verdict.NOT_RESOLVED, Verdict.STEP_BROKEN, Verdict.HARMFUL):
        assert expected(verdict, "a gap")
    for verdict in (Verdict.SELF_HEALED, Verdict.FAULT_NOT_TAKEN, Verdict.INFRA_ERROR):
        assert not expected(verdict, "a gap")


def test_the_exit_code_is_the_worst_one() -> None:
    good, bad = One(Verdict.RESOLVED), One(Verdict.HARMFUL)
    infra, healed = One(Verdict.INFRA_ERROR), One(Verdict.SELF_HEALED)
    stopped = One(Verdict.INFRA_ERROR, interrupted=True)
    assert exit_code([]) is ExitCode.INCONCLUSIVE
    assert exit_code([good, One(Verdict.NOT_RESOLVED, "known")]) is ExitCode.OK
    assert exit_code([good, healed]) is ExitCode.INCONCLUSIVE
    assert exit_code([healed, bad, good]) is ExitCode.FAILED
    assert exit_code([good, One(Verdict.RESOLVED, "known")]) is ExitCode.FAILED
    assert exit_code([bad, infra]) is ExitCode.HARNESS
    assert exit_code([bad, One(Verdict.FAULT_NOT_TAKEN)]) is ExitCode.HARNESS
    assert exit_code([infra, stopped, bad]) is ExitCode.INTERRUPTED


def test_what_the_stack_lacks_makes_a_drill_not_applicable_whatever_else_went_wrong() -> None:
    judgement = verdict_of(not_applied("The stack lacks a table"))
    assert judgement == Judgement(Verdict.NOT_APPLICABLE, "The stack lacks a table")
    during = not_applied("No table", start()).at(0.05, ErrorMet(Phase.TEAR_DOWN, "late"))
    assert verdict_of(during).verdict is Verdict.NOT_APPLICABLE
    assert not expected(Verdict.NOT_APPLICABLE, None)
    assert not expected(Verdict.NOT_APPLICABLE, "a gap")


def test_what_is_not_applicable_counts_for_no_exit_code() -> None:
    absent, good = One(Verdict.NOT_APPLICABLE), One(Verdict.RESOLVED)
    assert exit_code([absent]) is ExitCode.INCONCLUSIVE
    assert exit_code([absent, good]) is ExitCode.OK
    assert exit_code([absent, One(Verdict.HARMFUL)]) is ExitCode.FAILED
    assert exit_code([absent, One(Verdict.SELF_HEALED)]) is ExitCode.INCONCLUSIVE
