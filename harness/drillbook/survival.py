"""Times of which some were only watched for so long: the Kaplan-Meier estimate and its median.

A time that did not come to its end by the deadline is censored there: it is known to be longer and no more.
To leave it out, or to take the deadline for it, would make a runbook look better than it is. Pure
arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from drillbook.intervals import LEVEL, deviate

_HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Time:
    """A time in seconds; one that has not `ended` was watched for so long, and is longer."""

    seconds: float
    ended: bool


@dataclass(frozen=True, slots=True)
class Point:
    """The share of times longer than `seconds`, and the interval of that share; None where it has none."""

    seconds: float
    share: Fraction
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Median:
    """The median of some times in seconds, and its interval; None is an end that they do not bound.

    `value` is None where the median is beyond what was watched.
    """

    value: float | None
    low: float | None
    high: float | None


def kaplan_meier(times: Iterable[Time], level: float = LEVEL) -> list[Point]:
    """The share that is longer, at each time that ended, with its pointwise interval.

    E. L. Kaplan and P. Meier, "Nonparametric estimation from incomplete observations", Journal of the
    American Statistical Association 53 (1958). The interval is Greenwood's, on the scale log(-log(share)),
    on which it keeps within 0 and 1: J. D. Kalbfleisch and R. L. Prentice, "The Statistical Analysis of
    Failure Time Data" (1980). At a share of 0 or 1 it has none. What is censored at the moment at which
    another ends counts as still watched then.
    """
    ordered = sorted(times, key=lambda time: time.seconds)
    z, share, greenwood = deviate(level), Fraction(1), Fraction(0)
    points = []
    for moment in sorted({time.seconds for time in ordered if time.ended}):
        watched = sum(time.seconds >= moment for time in ordered)
        ended = sum(time.seconds == moment and time.ended for time in ordered)
        share *= Fraction(watched - ended, watched)
        if share == 0:
            points.append(Point(moment, share, None, None))
            continue
        greenwood += Fraction(ended, watched * (watched - ended))
        width = z * math.sqrt(greenwood) / abs(math.log(share))
        points.append(Point(moment, share, float(share) ** math.exp(width), float(share) ** math.exp(-width)))
    return points


def median(times: Iterable[Time], level: float = LEVEL) -> Median:
    """The median: the first time at which no more than half are longer, with its interval.

    The interval holds the times at which the share that is longer may be one half. R. Brookmeyer and J.
    Crowley, "A confidence interval for the median survival time", Biometrics 38 (1982), on the scale of
    `kaplan_meier`. It is an approximation for many times; of `too_few` it is not given.
    """
    known = list(times)
    points = kaplan_meier(known, level)
    value = next((point.seconds for point in points if point.share <= _HALF), None)
    if too_few(len(known), level):
        return Median(value, None, None)
    low = next((p.seconds for p in points if p.low is None or p.low <= _HALF), None)
    high = next((p.seconds for p in points if p.high is not None and p.high <= _HALF), None)
    return Median(value, low, high)


def too_few(number: int, level: float = LEVEL) -> bool:
    """Whether the shortest and the longest of `number` times enclose their median too seldom for `level`.

    They do in all but 2 of 2^number cases, so at 95 % it takes six.
    """
    return 2 * 0.5**number > 1 - level
