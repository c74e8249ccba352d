"""Confidence intervals for a few drills: of a share, of the difference of two shares, of a shift in times.

Pure arithmetic; it knows nothing of drills. Each holds for the small numbers that repeats of a drill give,
and says so where the numbers are too small to say anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both included; an end that the numbers do not bound is infinite."""

    low: float
    high: float

    def above(self, value: float) -> bool:
        """Whether all of it is above `value`."""
        return self.low > value

    def below(self, value: float) -> bool:
        """Whether all of it is below `value`."""
        return self.high < value


@dataclass(frozen=True, slots=True)
class Shift:
    """By how much one group of values is higher than another, and the interval of that if there is one."""

    value: float
    interval: Interval | None


def deviate(level: float) -> float:
    """How many standard deviations around the mean hold the share `level` of a normal distribution."""
    return NormalDist().inv_cdf((1 + level) / 2)


def wilson(count: int, of: int, level: float = LEVEL) -> Interval:
    """The score interval of the share `count / of`.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927). It keeps within 0 and 1, and is of use for few trials and for
    shares of none or all, which is what drills mostly give. Without any trial it is from 0 to 1.
    """
    if of == 0:
        return Interval(0.0, 1.0)
    share, z = count / of, deviate(level)
    squared = z * z / of
    middle = (share + squared / 2) / (1 + squared)
    half = z / (1 + squared) * math.sqrt(share * (1 - share) / of + squared / (4 * of))
    # None and all are exact ends, which rounding would miss by a hair.
    return Interval(
        0.0 if count == 0 else max(0.0, middle - half), 1.0 if count == of else min(1.0, middle + half)
    )


def difference(count: int, of: int, other: int, other_of: int, level: float = LEVEL) -> Interval:
    """The interval of `other / other_of - count / of`, from the two shares' own Wilson intervals.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998), method 10.
    """
    before, after = count / of, other / other_of
    left, right = wilson(count, of, level), wilson(other, other_of, level)
    down = math.hypot(after - right.low, left.high - before)
    up = math.hypot(right.high - after, before - left.low)
    return Interval(after - before - down, after - before + up)


def shift(before: Sequence[float], after: Sequence[float], level: float = LEVEL) -> Shift:
    """By how much `after` is higher than `before`, whatever their distribution is.

    The estimate is the median of all differences; the interval holds those shifts that the exact
    Mann-Whitney test does not reject. J. L. Hodges and E. L. Lehmann, "Estimates of location based on rank
    tests", Annals of Mathematical Statistics 34 (1963). With so few values that not even two groups of which
    every one is higher than every other would be told apart, there is no interval.

    A value may be infinite (never, as far as it was watched): two of them do not differ.
    """
    differences = sorted(_minus(late, early) for early in before for late in after)
    kept = _rank(len(before), len(after), (1 - level) / 2)
    interval = Interval(differences[kept - 1], differences[-kept]) if kept else None
    return Shift(_middle(differences), interval)


def enough(level: float = LEVEL) -> int:
    """The least size of two equal groups for which `shift` has an interval."""
    size = 1
    while 1 / math.comb(2 * size, size) > (1 - level) / 2:
        size += 1
    return size


def _minus(late: float, early: float) -> float:
    return 0.0 if late == early else late - early


def _middle(ordered: Sequence[float]) -> float:
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return low if low == high or math.isinf(low) else high if math.isinf(high) else median((low, high))


def _rank(first: int, second: int, tail: float) -> int:
    """How many differences at each end lie outside of the interval, and one: 0 if there is none.

    The number of ways to a Mann-Whitney statistic are the coefficients of a Gaussian binomial, which is the
    product of (1 - q^(second + i)) / (1 - q^i) for i from 1 to `first`.
    """
    most = first * second // 2 + 1
    ways = [1] + [0] * most
    for i in range(1, first + 1):
        for power in range(most, second + i - 1, -1):
            ways[power] -= ways[power - second - i]
        for power in range(i, most + 1):
            ways[power] += ways[power - i]
    allowed = math.floor(tail * math.comb(first + second, first))
    seen = rank = 0
    for count in ways:
        seen += count
        if seen > allowed:
            break
        rank += 1
    return rank
