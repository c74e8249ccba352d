"""Kaplan and Meier: against examples worked by hand, and against scipy's own."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import scipy.stats  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from drillbook.survival import Median, Time, kaplan_meier, median

stats: Any = scipy.stats
# The 6-MP arm of the trial of Freireich and others (1963), in weeks, in every textbook since; + is censored.
REMISSION = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"


def times(text: str) -> list[Time]:
    return [Time(float(word.rstrip("+")), ended=not word.endswith("+")) for word in text.split()]


def test_five_times_of_which_two_were_never_seen_to_end() -> None:
    # 5 are watched, one ends at 1: 4/5. One of 4 at 2: 4/5 * 3/4 = 3/5. One of 3 at 4: 3/5 * 2/3 = 2/5.
    points = kaplan_meier(times("1 2 4 60+ 60+"))
    assert [(point.seconds, point.share) for point in points] == [
        (1.0, Fraction(4, 5)),
        (2.0, Fraction(3, 5)),
        (4.0, Fraction(2, 5)),
    ]
    assert median(times("1 2 4 60+ 60+")).value == 4.0


def test_what_is_censored_before_the_end_of_another_is_no_longer_watched() -> None:
    # 1/4 end at 1; the one censored at 2 leaves two at 3, of which one ends: 3/4 * 1/2.
    assert [point.share for point in kaplan_meier(times("1 2+ 3 4+"))] == [Fraction(3, 4), Fraction(3, 8)]


def test_what_is_censored_at_the_moment_at_which_another_ends_is_still_watched_then() -> None:
    assert [point.share for point in kaplan_meier(times("2 2+ 5"))] == [Fraction(2, 3), Fraction(0)]


def test_where_most_never_ended_the_median_is_beyond_what_was_watched() -> None:
    assert median(times("1.5 60+ 60+")) == Median(None, None, None)
    assert median([]) == Median(None, None, None)


def test_a_median_is_a_time_that_came_even_where_exactly_half_are_longer() -> None:
    assert median(times("1 3")).value == 1.0
    assert median(times("1 3 60+ 60+")).value == 3.0


def test_five_times_are_too_few_for_an_interval_of_their_median_and_six_are_not() -> None:
    assert median(times("1 2 3 4 5")) == Median(3.0, None, None)
    # At 1 the share is 5/6 and its lower end 0.273; at 5 it is 1/6 and its upper end 0.517, above one half.
    assert median(times("1 2 3 4 5 6")) == Median(3.0, 1.0, None)


def test_a_textbook_s_curve_and_median_are_what_the_textbooks_say() -> None:
    shares = [round(float(point.share), 3) for point in kaplan_meier(times(REMISSION))]
    assert shares == [0.857, 0.807, 0.753, 0.69, 0.627, 0.538, 0.448]
    assert median(times(REMISSION)) == Median(23.0, 13.0, None)


SECONDS = st.integers(1, 12).map(float)


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")  # at a share of 0 and of 1
@given(st.lists(st.builds(Time, seconds=SECONDS, ended=st.booleans()), min_size=1, max_size=40))
def test_any_times_have_scipy_s_curve_and_its_interval(found: list[Time]) -> None:
    ended = [time.seconds for time in found if time.ended]
    censored = [time.seconds for time in found if not time.ended]
    data = stats.CensoredData(uncensored=ended, right=censored)
    theirs = stats.ecdf(data).sf
    points = kaplan_meier(found)
    shares = dict(zip(theirs.quantiles.tolist(), theirs.probabilities.tolist(), strict=True))
    assert {point.seconds: float(point.share) for point in points} == pytest.approx(
        {seconds: shares[seconds] for seconds in ended}
    )
    within = [point for point in points if point.low is not None]
    if within:
        both = theirs.confidence_interval(method="log-log")
        for end in ("low", "high"):
            curve = getattr(both, end)
            bound = dict(zip(curve.quantiles.tolist(), curve.probabilities.tolist(), strict=True))
            assert [getattr(point, end) for point in within] == pytest.approx(
                [bound[point.seconds] for point in within], abs=1e-9
            )


@given(st.lists(st.builds(Time, seconds=SECONDS, ended=st.booleans()), min_size=6, max_size=40))
def test_a_median_s_interval_holds_it(found: list[Time]) -> None:
    made = median(found)
    if made.value is not None and made.low is not None:
        assert made.low <= made.value
    if made.high is not None:
        assert made.value is not None
        assert made.value <= made.high
