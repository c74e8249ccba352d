"""Repeats: what several drills of one variant say together."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from drillbook.clocks import Durations
from drillbook.model import Verdict
from drillbook.repeats import grouped, over, summary


@dataclass(frozen=True)
class Drill:
    verdict: Verdict
    ttr: float | None = None
    ttm: float | None = None
    variant: str = "idle"
    known_gap: str | None = None
    deadline_s: float = 60.0
    scenario: str = "stuck-transactions"
    responder: str = "runbook"
    backend: str = "local"
    run_dir: str = "out/a"
    durations: Durations = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "durations", Durations(ttm=self.ttm or self.ttr, ttr=self.ttr))


def resolved(ttr: float, **changes: object) -> Drill:
    return Drill(Verdict.RESOLVED, ttr, **changes)  # type: ignore[arg-type]  # names of fields


def unresolved(verdict: Verdict = Verdict.NOT_RESOLVED, **changes: object) -> Drill:
    return Drill(verdict, **changes)  # type: ignore[arg-type]  # names of fields


def test_a_time_that_did_not_come_is_censored_at_the_deadline_and_not_left_out() -> None:
    made = summary([resolved(1.0), resolved(3.0), unresolved(), resolved(2.0), unresolved()])
    assert (made.ttr.median, made.ttr.of, made.ttr.censored) == (3.0, 5, 2)  # the mean of three would be 2
    assert summary([resolved(1.0), unresolved(), unresolved()]).ttr.median is None


def test_a_drill_without_a_say_is_in_no_denominator_and_is_counted_beside_it() -> None:
    without = [unresolved(Verdict.INFRA_ERROR), unresolved(Verdict.FAULT_NOT_TAKEN)]
    made = summary([resolved(1.0), *without, resolved(1.1), unresolved(Verdict.INFRA_ERROR)])
    assert (made.drills, made.with_a_say) == (5, 2)
    assert made.left_out == {"INFRA_ERROR": 2, "FAULT_NOT_TAKEN": 1}
    (share,) = made.verdicts
    assert (share.verdict, share.count, share.of) == (Verdict.RESOLVED, 2, 2)
    assert (made.ttr.of, made.ttr.censored, made.flaky) == (2, 0, False)
    assert len(made.points) == 5


def test_drills_that_do_not_agree_are_flaky_and_each_verdict_has_its_interval() -> None:
    made = summary([resolved(1.0), unresolved(), resolved(1.2)])
    assert made.flaky
    assert made.split == "RESOLVED 2, NOT_RESOLVED 1"
    assert [(round(share.low, 3), round(share.high, 3)) for share in made.verdicts] == [
        (0.208, 0.939),
        (0.061, 0.792),
    ]


def test_what_healed_by_itself_is_a_verdict_and_no_time_of_the_runbook_s() -> None:
    made = summary([resolved(5.0), Drill(Verdict.SELF_HEALED, 0.1), resolved(6.0)])
    assert (made.flaky, made.with_a_say) == (True, 3)
    assert (made.ttr.median, made.ttr.of) == (5.0, 2)


def test_a_harmful_drill_was_mitigated_and_not_resolved() -> None:
    made = summary([Drill(Verdict.HARMFUL, ttm=2.0)] * 3)
    assert (made.ttm.median, made.ttm.censored) == (2.0, 0)
    assert (made.ttr.median, made.ttr.censored) == (None, 3)


def test_only_drills_of_the_same_variant_are_put_together() -> None:
    drills = [resolved(1.0), resolved(9.0, variant="other"), resolved(2.0), resolved(7.0, variant="once")]
    made = grouped([*drills, unresolved(variant="other")])
    assert [(group.name, group.drills) for group in made] == [
        ("stuck-transactions/idle", 2),
        ("stuck-transactions/other", 2),
    ]
    assert made[1].ttr.median == pytest.approx(9.0)


def test_a_median_above_the_limit_is_named_and_a_known_gap_is_not_held_to_it() -> None:
    drills = [
        *(resolved(1.0), resolved(2.0), resolved(9.0)),
        *(resolved(5.5, variant="slow"), unresolved(variant="never")),
        unresolved(variant="gap", known_gap="nobody looks"),
        unresolved(Verdict.INFRA_ERROR, variant="torn"),
    ]
    assert over(grouped(drills, least=1), 5.0) == [
        "stuck-transactions/slow (5.50 s)",
        "stuck-transactions/never (not resolved)",
    ]
    assert over(grouped(drills, least=1), 1.9)[0] == "stuck-transactions/idle (2.00 s)"
    assert over(grouped(drills, least=1), 2.0)[0] == "stuck-transactions/slow (5.50 s)"


def test_a_run_without_repeats_has_none() -> None:
    assert grouped([resolved(1.0), resolved(1.0, variant="other")]) == []
    assert grouped([]) == []
