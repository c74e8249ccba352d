"""What leaving steps out says of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.alterations.conftest import a_step, failed, resolved, skipped

from drillbook.alterations.ablation import (
    AblatedDrill,
    Necessity,
    Reduction,
    StepNecessity,
    awaited,
    by_line,
    judge,
    unreached,
    why_not,
)
from drillbook.events import LEFT_OUT, SLIS_HOLD
from drillbook.model import Effect, Verdict
from drillbook.result import DrillResult, InvariantResult, StepResult

LOOK, CURE = a_step(12, changes=False), a_step(15, Effect.CURED)
WHOLE = resolved(LOOK, CURE, skipped(18, SLIS_HOLD))
SELF_HEALED = replace(WHOLE, verdict=Verdict.SELF_HEALED)
NO_SAY = replace(WHOLE, verdict=Verdict.INFRA_ERROR, reason="the host was busy")


def harmful(*, held: bool) -> DrillResult:
    return replace(
        failed(CURE, verdict=Verdict.HARMFUL), invariants=(InvariantResult("keys are kept", held, ""),)
    )


@pytest.mark.parametrize(
    ("whole", "without", "necessity"),
    [
        (WHOLE, failed(), Necessity.NEEDED),
        (WHOLE, failed(verdict=Verdict.STEP_BROKEN), Necessity.NEEDED),
        (WHOLE, harmful(held=False), Necessity.NEEDED),
        (WHOLE, resolved(CURE), Necessity.BALLAST),
        (WHOLE, None, Necessity.NO_SAY),
        (WHOLE, NO_SAY, Necessity.NO_SAY),
        (WHOLE, resolved(LOOK), Necessity.NO_SAY),  # nothing that ran can have cured it
        (failed(), resolved(CURE), Necessity.HARM),
        (harmful(held=False), resolved(CURE), Necessity.HARM),
        (harmful(held=False), replace(failed(), invariants=harmful(held=True).invariants), Necessity.HARM),
        (harmful(held=False), harmful(held=False), Necessity.BALLAST),
        (failed(), failed(verdict=Verdict.STEP_BROKEN), Necessity.BALLAST),
        (failed(), harmful(held=False), Necessity.NEEDED),
    ],
)  # fmt: skip
def test_a_step_is_what_the_change_of_the_verdict_says(
    whole: DrillResult, without: DrillResult | None, necessity: Necessity
) -> None:
    said = judge(whole, CURE, without)
    assert said.necessity is necessity
    assert said.why
    assert said.verdict is (without.verdict if without is not None else None)


def test_of_ballast_that_helped_it_is_said_what_cured_in_its_place() -> None:
    without = resolved(LOOK, skipped(15, LEFT_OUT), a_step(18, Effect.CURED))
    said = judge(WHOLE, CURE, without)
    assert (said.necessity, said.instead, said.why) == (
        Necessity.BALLAST, (18,), "line 18 cured in its place",
    )  # fmt: skip
    assert judge(WHOLE, LOOK, resolved(CURE)).instead == ()


def test_nothing_is_left_out_of_a_drill_that_says_nothing_of_the_runbook() -> None:
    assert not why_not(WHOLE)
    assert not why_not(failed(CURE))
    assert "SELF_HEALED" in why_not(SELF_HEALED)
    assert "INFRA_ERROR" in why_not(NO_SAY)
    assert "no step" in why_not(resolved(skipped(12, SLIS_HOLD)))


def test_a_step_that_was_never_reached_has_no_drill_of_its_own() -> None:
    assert unreached(resolved(CURE, skipped(18, SLIS_HOLD), skipped(19, "a human does it"))) == [18]


def test_what_is_awaited_is_that_the_cure_is_needed_and_looking_is_not() -> None:
    assert awaited(WHOLE, LOOK) == {Verdict.RESOLVED}
    assert Verdict.NOT_RESOLVED in awaited(WHOLE, CURE)
    assert Verdict.RESOLVED not in awaited(WHOLE, CURE)
    assert Verdict.RESOLVED not in awaited(failed(), LOOK)


# --------------------------------------------------------------------------- the smallest set


def search(whole: DrillResult, needed: set[int], cures: set[frozenset[int]]) -> tuple[list[int], int]:
    """The smallest set found where any superset of one of `cures` cures, and the number of trials."""
    steps = [
        StepNecessity(
            step.line, "", "", not step.state_changing,
            Necessity.NEEDED if step.line in needed else Necessity.BALLAST, None, "",
        )
        for step in whole.steps
    ]  # fmt: skip
    reduction, trials = Reduction(whole, steps), 0
    while reduction.trial is not None:
        kept = set(reduction.trial)
        trials += 1
        works = any(cure <= kept for cure in cures)
        reduction.told(resolved(CURE, folder=f"trial-{trials}") if works else failed(CURE))
        assert trials < 30
    found = reduction.found()
    assert found.verified
    return list(found.lines), trials


def changing(*lines: int) -> list[StepResult]:
    return [a_step(line, Effect.CURED) for line in lines]


def test_one_cure_among_looks_is_found_with_one_drill() -> None:
    assert search(WHOLE, {15}, {frozenset({15})}) == ([15], 1)


def test_steps_that_do_the_same_are_taken_away_one_after_the_other() -> None:
    whole = resolved(LOOK, *changing(15, 16, 17))
    lines, _ = search(whole, set(), {frozenset({15}), frozenset({17})})
    assert lines in ([15], [17])


def test_steps_that_cure_only_together_are_kept_together() -> None:
    whole = resolved(LOOK, *changing(15, 16, 17))
    assert search(whole, {15, 17}, {frozenset({15, 17})})[0] == [15, 17]


def test_a_look_that_turns_out_to_be_needed_stays() -> None:
    whole = resolved(LOOK, a_step(13, changes=False), CURE)
    assert search(whole, set(), {frozenset({12, 15})})[0] == [12, 15]


def test_the_whole_section_is_its_own_proof_where_there_is_nothing_to_take_away() -> None:
    assert search(resolved(CURE), {15}, {frozenset({15})}) == ([15], 0)


def test_a_search_that_is_interrupted_ends() -> None:
    reduction = Reduction(WHOLE, [])
    first = reduction.trial
    reduction.told(None)
    assert (first, reduction.trial) == ((15,), None)
    assert reduction.found().lines == (12, 15)


# --------------------------------------------------------------------------- by line


def test_a_step_is_told_of_over_all_drills() -> None:
    needed, ballast = judge(WHOLE, CURE, failed()), judge(WHOLE, CURE, resolved(CURE))
    other = replace(WHOLE, scenario="redis-memory")
    lines = by_line([
        AblatedDrill(WHOLE, steps=(needed, judge(WHOLE, LOOK, resolved(CURE)))),
        AblatedDrill(other, steps=(ballast,)),
    ])  # fmt: skip
    assert [(line.line, line.reads) for line in lines] == [(12, True), (15, False)]
    assert lines[1].names(Necessity.NEEDED) == ("stuck-transactions/idle-past-threshold",)
    assert lines[1].names(Necessity.BALLAST) == ("redis-memory/idle-past-threshold",)
    assert lines[1].names(Necessity.HARM) == ()
