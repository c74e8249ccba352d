"""Intervals: against examples worked by hand, and against scipy's own."""

from __future__ import annotations

import math
from typing import Any

import pytest
import scipy.stats  # type: ignore[import-untyped]

from drillbook.intervals import difference, enough, shift, wilson

stats: Any = scipy.stats
Z_SQUARED = 3.841458820694124  # the 95th percentile of chi-square with one degree of freedom


def test_a_share_of_all_or_none_has_the_interval_that_its_formula_comes_down_to() -> None:
    # With a share of 1 the bounds are n / (n + z^2) and 1: 3 / 6.8415 = 0.4385.
    assert wilson(3, 3).low == pytest.approx(3 / (3 + Z_SQUARED), abs=1e-12)
    assert wilson(3, 3).low == pytest.approx(0.4385, abs=5e-5)
    assert wilson(3, 3).high == 1.0
    assert (wilson(0, 3).low, wilson(0, 3).high) == pytest.approx((0.0, 1 - 0.4385), abs=5e-5)


def test_one_half_of_ten_lies_between_24_and_76_percent() -> None:
    # Centre 1/2; half width z / (1 + z^2/10) * sqrt(1/40 + z^2/400) = 1.96 / 1.38415 * 0.18602 = 0.2634.
    assert (wilson(5, 10).low, wilson(5, 10).high) == pytest.approx((0.2366, 0.7634), abs=5e-5)


def test_without_any_trial_a_share_may_be_anything() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.999])
def test_every_share_of_up_to_twenty_has_scipy_s_interval(level: float) -> None:
    for of in range(1, 21):
        for count in range(of + 1):
            theirs = stats.binomtest(count, of).proportion_ci(level, method="wilson")
            ours = wilson(count, of, level)
            assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_the_difference_of_two_shares_is_that_of_newcombe_s_own_example() -> None:
    # His first: 56 of 70 against 48 of 80; he gives 0.0524 to 0.3339 for method 10.
    found = difference(48, 80, 56, 70)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_three_of_three_and_none_of_three_differ_and_one_of_one_and_none_of_one_may_not() -> None:
    assert difference(3, 3, 0, 3).below(0.0)
    assert difference(0, 3, 3, 3).above(0.0)
    assert not difference(1, 1, 0, 1).below(0.0)


def test_four_and_four_values_that_lie_apart_are_shifted_by_what_lies_between_them() -> None:
    # All 16 differences lie between 5 - 4 and 40 - 1; P(U = 0) = 1/70, so both ends hold, at 97 %.
    found = shift([1.0, 2.0, 3.0, 4.0], [5.0, 10.0, 20.0, 40.0])
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (1.0, 39.0)
    # In their order 1 2 3 4 6 7 8 9 16 17 18 19 36 37 38 39: the middle two are 9 and 16.
    assert found.value == 12.5


def test_three_and_three_values_are_too_few_for_an_interval() -> None:
    assert shift([1.0, 1.1, 1.2], [50.0, 51.0, 52.0]).interval is None
    assert enough() == 4
    assert enough(1 - 0.05 / 66) == 7


def test_a_value_that_never_came_is_later_than_any_and_no_later_than_another_such() -> None:
    never = math.inf
    found = shift([1.0, 2.0, 3.0, 4.0], [never] * 4)
    assert found.value == never
    assert found.interval is not None
    assert found.interval.above(100.0)
    same = shift([never] * 4, [never] * 4)
    assert (same.value, same.interval and same.interval.low) == (0.0, 0.0)
    assert shift([never] * 4, [1.0] * 4).value == -never


@pytest.mark.parametrize(("first", "second"), [(4, 4), (3, 5), (6, 9), (12, 10)])
def test_the_interval_holds_the_shifts_that_scipy_s_exact_test_does_not_reject(
    first: int, second: int
) -> None:
    before = [math.sqrt(7 * n + 1) for n in range(first)]
    after = [1.3 + math.log(5 * n + 2) * 1.7 for n in range(second)]
    found = shift(before, after).interval
    assert found is not None

    def rejected(by: float) -> bool:
        moved = [value - by for value in after]
        return bool(stats.mannwhitneyu(moved, before, method="exact").pvalue <= 0.05)

    assert not rejected(found.low + 1e-9)
    assert not rejected(found.high - 1e-9)
    assert rejected(found.low - 1e-9)
    assert rejected(found.high + 1e-9)
