"""A comparison: like with like alone, the verdicts first, and times only as far as they can be told apart."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.journals import control, drill, start

from drillbook.clocks import Durations
from drillbook.comparison import Change, Comparison, compare
from drillbook.history import Record, record_of
from drillbook.model import Machine, Verdict
from drillbook.result import PlanFile, result_of

ERROR_S = 0.25
NAME = "stuck-transactions/idle-past-threshold"
BASIS = record_of(
    result_of(
        drill(first=start(machine=Machine(2, "x86_64"))).entries(), control().entries(), run_dir="out/a"
    )
)


def resolved(*ttrs: float, **changes: object) -> list[Record]:
    spans = [Durations(ttm=ttr, ttr=ttr, error_s=ERROR_S) for ttr in ttrs]
    return [replace(BASIS, durations=each, **changes) for each in spans]  # type: ignore[arg-type]  # fields


def failed(number: int, verdict: Verdict = Verdict.NOT_RESOLVED, **changes: object) -> list[Record]:
    none = Durations(error_s=ERROR_S)
    return [replace(BASIS, verdict=verdict, durations=none, **changes)] * number  # type: ignore[arg-type]  # fields


def the_pair(made: Comparison) -> tuple[Change, Change, str]:
    (pair,) = made.pairs
    return pair.verdicts, pair.times, pair.regressed


def test_a_step_that_broke_is_a_regression_even_where_each_side_has_one_drill() -> None:
    made = compare(resolved(1.5), failed(1, Verdict.STEP_BROKEN))
    assert the_pair(made) == (Change.WORSE, Change.SAME, "RESOLVED, now STEP_BROKEN")
    back = compare(failed(1, Verdict.STEP_BROKEN), resolved(1.5))
    assert the_pair(back) == (Change.BETTER, Change.SAME, "")


@pytest.mark.parametrize(
    ("before", "after", "came"),
    [
        (Verdict.NOT_RESOLVED, Verdict.STEP_BROKEN, Change.WORSE),
        (Verdict.STEP_BROKEN, Verdict.HARMFUL, Change.WORSE),
        (Verdict.HARMFUL, Verdict.NOT_RESOLVED, Change.BETTER),
        (Verdict.HARMFUL, Verdict.HARMFUL, Change.SAME),
    ],
)
def test_the_verdicts_have_an_order_from_resolved_to_harmful(
    before: Verdict, after: Verdict, came: Change
) -> None:
    assert the_pair(compare(failed(2, before), failed(2, after)))[0] is came


def test_a_share_that_fell_by_less_than_chance_can_do_is_no_regression_and_is_told() -> None:
    made = compare(resolved(1.5, 1.5, 1.5), [*resolved(1.5, 1.5), *failed(1)])
    assert the_pair(made)[0] is Change.UNSURE
    assert made.regressions == []
    (pair,) = made.pairs
    assert pair.fall is not None
    assert pair.fall.low < 0 < pair.fall.high


def test_a_share_that_fell_by_more_than_chance_can_do_is_one() -> None:
    made = compare(resolved(*[1.5] * 9), [*resolved(1.5, 1.5), *failed(7)])
    (pair,) = made.regressions
    assert (pair.verdicts, pair.threshold) == (Change.WORSE, Verdict.RESOLVED)
    assert pair.regressed == "RESOLVED 9, now NOT_RESOLVED 7, RESOLVED 2"


def test_worse_news_is_not_hidden_by_better_news() -> None:
    # Nine resolved and nine harmful, then none of either: fewer are harmful, and none is resolved.
    before = [*resolved(*[1.5] * 9), *failed(9, Verdict.HARMFUL)]
    made = compare(before, failed(18))
    assert the_pair(made)[0] is Change.WORSE


def test_a_ttr_is_slower_where_the_interval_is_beyond_the_probe_s() -> None:
    made = compare(resolved(1.0, 1.1, 1.2, 1.3), resolved(2.0, 2.1, 2.2, 2.3))
    verdicts, times, regressed = the_pair(made)
    assert (verdicts, times) == (Change.SAME, Change.WORSE)
    assert regressed == "TTR longer by +1.00 s (+0.70 to +1.30 s)"
    assert the_pair(compare(resolved(2.0, 2.1, 2.2, 2.3), resolved(1.0, 1.1, 1.2, 1.3)))[1] is Change.BETTER


def test_a_ttr_that_is_longer_by_less_than_the_probes_can_see_is_the_same() -> None:
    made = compare(resolved(1.00, 1.01, 1.02, 1.03), resolved(1.20, 1.21, 1.22, 1.23))
    assert the_pair(made) == (Change.SAME, Change.SAME, "")


def test_few_drills_give_no_interval_and_so_no_regression_of_ttr() -> None:
    made = compare(resolved(1.0, 1.0, 1.0), resolved(50.0, 50.0, 50.0))
    assert the_pair(made) == (Change.SAME, Change.UNSURE, "")
    assert made.pairs[0].reason == "too few: 3 and 3, it takes 4 and 4"


def test_what_was_not_resolved_is_slower_than_any_and_not_left_out() -> None:
    made = compare(resolved(*[1.0] * 8), [*resolved(1.0, 1.0, 1.0), *failed(5)])
    (pair,) = made.pairs
    assert pair.shift is not None
    assert pair.shift.value > 100


def test_the_more_variants_are_compared_the_surer_each_must_be() -> None:
    before = resolved(1.0, 1.1, 1.2, 1.3)
    after = resolved(2.0, 2.1, 2.2, 2.3)
    others = [replace(record, variant=f"v{n}") for n in range(9) for record in before]
    alone, among = compare(before, after), compare([*before, *others], [*after, *others])
    assert (alone.needed, among.needed) == (4, 6)
    assert len(alone.regressions) == 1
    assert among.regressions == []
    assert among.each == pytest.approx(0.995)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"machine": Machine(4, "x86_64")}, "machine: 2 cores x86_64, postgres 18.6, redis 6.2.5 / 4 cores"),
        ({"backend": "docker"}, "backend: local / docker"),
        ({"responder": "none"}, "responder: runbook / none"),
        ({"strict": True}, "calls: documented / strict"),
        ({"deadline_s": 5.0}, "deadline: 120 s / 5 s"),
        ({"versions": {"postgres": "17.2", "redis": "6.2.5"}}, "redis 6.2.5 / 2 cores x86_64, postgres 17.2"),
    ],
)  # fmt: skip
def test_what_is_not_alike_is_not_compared_and_it_is_said_in_what_it_differs(
    change: dict[str, object], reason: str
) -> None:
    made = compare(resolved(1.0), failed(1, Verdict.NOT_RESOLVED, **change))
    assert made.pairs == ()
    ((name, told),) = made.apart
    assert name == NAME
    assert told.startswith("not alike: ")
    assert reason in told


def test_another_python_or_drillbook_does_not_part_what_is_alike_and_is_told() -> None:
    versions = {**BASIS.versions, "drillbook": "0.2.0", "python": "3.13.1"}
    made = compare(resolved(1.0), resolved(1.0, versions=versions, plan=PlanFile("plan.yaml", "9c" * 32)))
    assert len(made.pairs) == 1
    assert made.notes == ("the runbook is the same in both", "the drillbook differs: 0.1.0 / 0.2.0")


def test_what_only_one_side_has_is_told() -> None:
    made = compare(resolved(1.0, variant="before"), resolved(1.0, variant="after"))
    assert made.apart == (
        ("stuck-transactions/before", "only in BASE"),
        ("stuck-transactions/after", "only in HEAD"),
    )


def test_what_has_no_say_or_healed_by_itself_is_compared_with_nothing() -> None:
    made = compare(resolved(1.0), [*failed(1, Verdict.INFRA_ERROR), *failed(2, Verdict.SELF_HEALED)])
    assert made.pairs == ()
    assert made.apart == ((NAME, "without a say in HEAD: INFRA_ERROR 1, SELF_HEALED 2"),)
    beside = compare(resolved(1.0), [*resolved(1.0), *failed(3, Verdict.INFRA_ERROR)])
    assert the_pair(beside)[0] is Change.SAME


def test_a_drill_of_which_nobody_knows_the_machine_is_like_no_other() -> None:
    made = compare(resolved(1.0, machine=None), resolved(1.0, machine=None))
    assert made.pairs == ()
    assert made.apart == ((NAME, "no machine on file in BASE"), (NAME, "no machine on file in HEAD"))


def test_a_gap_that_the_plan_came_to_know_is_no_regression_and_one_that_was_known_may_become_worse() -> None:
    known = failed(1, known_gap="nobody looks")
    assert compare(resolved(1.0), known).regressions == []
    assert compare(resolved(1.0), known).pairs[0].verdicts is Change.WORSE
    harmful = failed(1, Verdict.HARMFUL, known_gap="nobody looks")
    assert len(compare(known, harmful).regressions) == 1


def test_what_became_worse_comes_first() -> None:
    before = [*resolved(1.0, variant="a"), *failed(1, variant="b"), *resolved(1.0, variant="c")]
    after = [*resolved(1.0, variant="a"), *resolved(1.0, variant="b"), *failed(1, variant="c")]
    names = [pair.likeness.variant for pair in compare(before, after).pairs]
    assert names == ["c", "b", "a"]


def test_the_json_has_what_is_not_bounded_as_null() -> None:
    made = compare(resolved(1.0), [*resolved(1.0), *failed(3)])
    data = json.loads(json.dumps(made.to_json(), allow_nan=False))
    (pair,) = data["pairs"]
    assert pair["ttr_shift"] == {"value": None, "low": None, "high": None}
    assert pair["likeness"]["machine_class"] == "2 cores x86_64, postgres 18.6, redis 6.2.5"
    assert (data["level"], data["needed_for_times"]) == (0.95, 4)
