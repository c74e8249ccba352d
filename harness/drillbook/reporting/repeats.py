"""Repeats as reports show them: shares, medians and every single time, in words and as a small drawing.

Judges nothing, and never puts two variants together.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from drillbook.model import Verdict
from drillbook.repeats import Repeats, Share, Spread
from drillbook.reporting.text import NOT_KNOWN, count, listed, seconds
from drillbook.survival import too_few
from drillbook.verdict import NO_SAY

_WIDTH, _HEIGHT, _EDGE, _BEYOND = 240.0, 24.0, 6.0, 22.0
_LEAST_SCALE_S = 0.01
_MINUTE_S = 60
TOO_FEW = "fewer than six times give a median no interval"


def share_text(share: Share) -> str:
    """How often a verdict came, such as `RESOLVED 2 of 3 (21 to 94 %)`."""
    return f"{share.verdict} {share.count} of {share.of} ({100 * share.low:.0f} to {100 * share.high:.0f} %)"


def left_out_text(repeats: Repeats) -> str:
    """Which drills are in no denominator, or nothing: `1 of 4 left out: INFRA_ERROR 1`."""
    if not repeats.left_out:
        return ""
    told = ", ".join(f"{verdict} {number}" for verdict, number in repeats.left_out.items())
    return f"{repeats.drills - repeats.with_a_say} of {repeats.drills} left out: {told}"


def median_text(spread: Spread, deadline_s: float) -> str:
    """A median with its interval, such as `1.5 s (1.2 to 1.9 s)`, as far as the times bound them."""
    if not spread.of:
        return NOT_KNOWN
    middle = f"over {seconds(deadline_s)}" if spread.median is None else exact(spread.median)
    if spread.low is None:
        return middle
    if spread.high is None:
        return f"{middle} ({exact(spread.low)} or more)"
    return f"{middle} ({exact(spread.low).removesuffix(' s')} to {exact(spread.high)})"


def exact(value: float) -> str:
    """A duration that is to be compared with others: `1.48 s`, to the hundredth below a minute."""
    return f"{value:.2f} s" if value < _MINUTE_S else seconds(value)


def each_text(repeats: Repeats) -> str:
    """The TTR of every drill that has a say, in the order in which they were run, in seconds.

    One that did not come is `>` its deadline; several of those in a row are `>60 (4 times)`.
    """
    found = []
    for point in repeats.points:
        if point.verdict in NO_SAY:
            continue
        if point.verdict is Verdict.SELF_HEALED:
            found.append("healed by itself")
        else:
            found.append(f">{point.deadline_s:g}" if point.ttr is None else f"{point.ttr:.2f}")
    told: list[str] = []
    for text, same in groupby(found):
        number = len(list(same))
        told += [text] * number if number == 1 or text[0].isdigit() else [f"{text} ({number} times)"]
    return ", ".join(told) or NOT_KNOWN


def deadline(repeats: Repeats) -> float:
    """The deadline at which the longest-watched of the drills is censored, in seconds."""
    return max(point.deadline_s for point in repeats.points)


def flaky_text(repeats: Sequence[Repeats]) -> str:
    """The variants whose drills do not agree, by name, or nothing."""
    flaky = [f"{each.name} ({each.split})" for each in repeats if each.flaky]
    return f"{count(len(flaky), 'variant is', 'variants are')} flaky: {listed(flaky)}" if flaky else ""


def method_text(repeats: Sequence[Repeats]) -> str:
    """How the figures were come by, in two sentences or three."""
    few = any(too_few(each.ttr.of, each.level) for each in repeats if each.ttr.of)
    text = (
        f"Shares with {100 * repeats[0].level:.0f} % intervals after Wilson; medians after Kaplan and Meier,"
        " what was not resolved censored at its deadline, with intervals after Brookmeyer and Crowley"
    )
    note = f"; {TOO_FEW}" if few else ""
    return f"{text}{note}. Drills of different faults are never put together."


def drawing(repeats: Repeats) -> str:
    """Every TTR as a dot on a line from nought on, those censored beyond its end, with the median marked."""
    times = [point.ttr for point in repeats.points if _timed(point.verdict) and point.ttr is not None]
    censored = sum(_timed(point.verdict) and point.ttr is None for point in repeats.points)
    longest = max([*times, repeats.ttr.high or 0.0, _LEAST_SCALE_S])
    end = _WIDTH - _EDGE - (_BEYOND if censored else 0.0)
    middle = _HEIGHT / 2

    def x(time: float) -> float:
        return _EDGE + time / longest * (end - _EDGE)

    parts = [f'<line class="scale" x1="{_EDGE}" y1="{middle}" x2="{end:.1f}" y2="{middle}"/>']
    low, high = repeats.ttr.low, repeats.ttr.high
    if low is not None:
        stop = x(high) if high is not None else end
        parts.append(f'<line class="bounds" x1="{x(low):.1f}" y1="{middle}" x2="{stop:.1f}" y2="{middle}"/>')
    if repeats.ttr.median is not None:
        at = x(repeats.ttr.median)
        parts.append(f'<line class="median" x1="{at:.1f}" y1="3" x2="{at:.1f}" y2="{_HEIGHT - 3}"/>')
    parts += [f'<circle class="came" cx="{x(time):.1f}" cy="{middle}" r="3.5"/>' for time in times]
    parts += [
        f'<circle class="never" cx="{_WIDTH - _EDGE - 2 * n:.1f}" cy="{middle}" r="3.5"/>'
        for n in range(min(censored, int(_BEYOND / 3)))
    ]
    told = escape(f"TTR of each in seconds: {each_text(repeats)}")
    return (
        f'<svg class="spread" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{told}">'
        f"<title>{told}</title>{''.join(parts)}</svg>"
    )


def _timed(verdict: Verdict) -> bool:
    return verdict not in NO_SAY and verdict is not Verdict.SELF_HEALED
