"""Whether a drill noticed a mutant."""

from __future__ import annotations

from dataclasses import replace

from tests.alterations.conftest import a_step, failed, resolved, skipped

from drillbook.alterations.kills import (
    Fate,
    Outcome,
    accepted,
    backed_up,
    deadline_s,
    judge,
    outdated,
    tally,
    with_backup,
)
from drillbook.alterations.mutants import Mutant
from drillbook.clocks import Clocks
from drillbook.events import LEFT_OUT, SLIS_HOLD
from drillbook.model import Effect, Finding, Level, Verdict

MUTANT = Mutant(
    "stuck-transactions/idle-past-threshold", "threshold-15", "threshold", (15,), "10", "600",
    bound=False, reads=False, edits={15: "x"},
)  # fmt: skip
CURE = a_step(15, Effect.CURED)
WHOLE = resolved(a_step(12, changes=False), CURE, skipped(18, SLIS_HOLD))
BACKED_UP = resolved(a_step(15), a_step(18, Effect.CURED), folder="mutant")


def survivor() -> Outcome:
    outcome = judge(MUTANT, WHOLE, BACKED_UP)
    assert outcome.fate is Fate.SURVIVED
    return outcome


def test_a_mutant_is_killed_where_its_drill_is_no_longer_resolved() -> None:
    for verdict in (Verdict.NOT_RESOLVED, Verdict.STEP_BROKEN, Verdict.HARMFUL):
        outcome = judge(MUTANT, WHOLE, failed(verdict=verdict))
        assert (outcome.fate, outcome.by, outcome.verdict) == (Fate.KILLED, "verdict", verdict)
        assert outcome.why


def test_a_mutant_is_killed_by_a_finding_at_its_line_that_the_whole_section_does_not_make() -> None:
    here = Finding("unanswered-step", 15, Level.WARNING, "nothing like rows")
    drilled = replace(BACKED_UP, findings=(here,))
    outcome = judge(MUTANT, WHOLE, drilled)
    assert (outcome.fate, outcome.by) == (Fate.KILLED, "finding")
    assert "unanswered-step" in outcome.why
    known = replace(WHOLE, findings=(replace(here, message="in other words"),))
    assert judge(MUTANT, known, drilled).fate is Fate.SURVIVED
    elsewhere = replace(BACKED_UP, findings=(replace(here, line=18),))
    assert judge(MUTANT, WHOLE, elsewhere).fate is Fate.SURVIVED


def test_a_survivor_is_told_with_what_cured_it() -> None:
    assert survivor().why == "line 18 cured in its place"
    assert judge(MUTANT, WHOLE, resolved(CURE)).why == "the mutated step cures as well"
    slow = resolved(a_step(15, Effect.BETTER))
    assert "no one step" in judge(MUTANT, WHOLE, slow).why


def test_a_drill_that_failed_itself_or_healed_itself_says_nothing_of_a_mutant() -> None:
    assert judge(MUTANT, WHOLE, replace(WHOLE, verdict=Verdict.INFRA_ERROR)).fate is Fate.NO_SAY
    assert judge(MUTANT, WHOLE, replace(WHOLE, verdict=Verdict.FAULT_NOT_TAKEN)).fate is Fate.NO_SAY
    assert judge(MUTANT, WHOLE, resolved(a_step(12, changes=False))).fate is Fate.NO_SAY
    assert judge(MUTANT, WHOLE, None).fate is Fate.NOT_DRILLED


def test_a_survivor_that_another_step_saved_is_drilled_without_what_was_never_reached() -> None:
    assert backed_up(survivor(), WHOLE, BACKED_UP) == {18}
    itself = resolved(CURE)
    assert backed_up(judge(MUTANT, WHOLE, itself), WHOLE, itself) == frozenset()
    killed = failed()
    assert backed_up(judge(MUTANT, WHOLE, killed), WHOLE, killed) == frozenset()


def test_only_a_survivor_that_is_killed_without_the_other_step_is_backed_up() -> None:
    alone = judge(MUTANT, WHOLE, failed(a_step(15), skipped(18, LEFT_OUT)))
    outcome = with_backup(survivor(), alone)
    assert outcome.fate is Fate.BACKED_UP
    assert outcome.why == "line 18 cured in its place; without that the drill is NOT_RESOLVED"
    assert with_backup(survivor(), judge(MUTANT, WHOLE, resolved(CURE))).fate is Fate.SURVIVED
    assert with_backup(survivor(), judge(MUTANT, WHOLE, None)).fate is Fate.SURVIVED


def test_the_plan_can_accept_a_survivor_by_its_name_and_no_other_mutant() -> None:
    reasons = {"threshold-15": "the drill has no older session"}
    outcome = accepted(survivor(), reasons)
    assert (outcome.fate, outcome.why) == (Fate.ACCEPTED, "the drill has no older session")
    assert not outcome.unexplained
    assert accepted(survivor(), {"state-15": "no"}).unexplained
    killed = judge(MUTANT, WHOLE, failed())
    assert accepted(killed, reasons).fate is Fate.KILLED
    assert outdated(killed, reasons)
    assert not outdated(outcome, reasons)
    assert not outdated(killed, {})


def test_the_rate_is_of_the_mutants_that_matter_and_that_nothing_explains() -> None:
    killed, left = judge(MUTANT, WHOLE, failed()), survivor()
    idle = judge(MUTANT, WHOLE, BACKED_UP, immaterial="it only reads")
    outcomes = [killed, killed, killed, left, replace(left, fate=Fate.BACKED_UP), idle]
    counts = tally([*outcomes, replace(left, fate=Fate.ACCEPTED), replace(left, fate=Fate.NO_SAY)])
    assert counts.rate == 0.75
    assert (counts.killed, counts.survived, counts.backed_up, counts.accepted) == (3, 1, 1, 1)
    assert (counts.no_say, counts.immaterial) == (1, 1)
    assert tally([idle]).rate is None
    assert not idle.unexplained


def test_a_mutant_has_three_times_as_long_as_the_whole_section_took_and_at_least_15_s() -> None:
    quick, slow = (replace(WHOLE, clocks=Clocks(ack=1.0, declared=1.0 + took)) for took in (2.0, 8.0))
    assert deadline_s(quick, 60.0) == 15.0
    assert deadline_s(slow, 60.0) == 24.0
    assert deadline_s(slow, 20.0) == 20.0
    assert deadline_s(replace(WHOLE, clocks=Clocks()), 60.0) == 15.0
