"""SLIs: what the probes saw, as series that can be asked whether all is well, and waited on.

They hold samples and never look at the system themselves; a sample wakes who waits, nobody polls. Silence
is never taken for health: a series without samples, or without a fresh one, does not hold.
"""

from __future__ import annotations

import asyncio
import math
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping

from drillbook.events import Sampled

# A series whose newest sample is older than this many intervals is silent.
_FRESH_INTERVALS = 5
# The part of the samples that the cadence gives in a window that must really be there.
_LEAST_PART = 0.5
_SHOWN_S = 1.0


class Series:
    """The samples of one SLI, in the order of their ends. Times are seconds of the monotonic clock.

    Args:
        sli: the SLI's name.
        interval_s: the interval of its probe, in seconds.
    """

    def __init__(self, sli: str, interval_s: float) -> None:
        self.sli = sli
        self._interval_s = interval_s
        self._samples: list[Sampled] = []
        self._ends: list[float] = []
        self._bad = [0]  # how many of the first n samples are bad

    def add(self, sample: Sampled) -> None:
        """Take in `sample`.

        Raises:
            ValueError: it ended before the newest sample did.
        """
        if self._ends and sample.end < self._ends[-1]:
            raise ValueError(f"a sample of {self.sli} that ended at {sample.end} comes too late")
        self._samples.append(sample)
        self._ends.append(sample.end)
        self._bad.append(self._bad[-1] + (not sample.good))

    @property
    def last(self) -> Sampled | None:
        """The newest sample."""
        return self._samples[-1] if self._samples else None

    def tally(self, since: float, until: float = math.inf) -> tuple[int, int]:
        """How many samples ended from `since` to `until`, and how many of those are bad."""
        first, beyond = bisect_left(self._ends, since), bisect_right(self._ends, until)
        if first >= beyond:
            return 0, 0
        return beyond - first, self._bad[beyond] - self._bad[first]

    def bad_fraction(self, since: float, until: float = math.inf) -> float:
        """The bad fraction of the samples that ended from `since` to `until`; 1 if there are none."""
        looks, bad = self.tally(since, until)
        return bad / looks if looks else 1.0

    def holds(self, window_s: float, now: float) -> bool:
        """Whether the SLI has been good throughout the `window_s` seconds before `now`.

        Every sample that ended in the window is good, there are at least half as many as the cadence gives
        (and one at the least), it has been seen to be good since the window's begin, and its newest sample
        is no older than five intervals. A verdict counts from that sight too, so what holds here holds there.
        """
        since = self.good_since()
        if since is None:
            return False
        begin = now - window_s
        looks, bad = self.tally(begin, now)
        enough = looks >= max(1, int(window_s / self._interval_s * _LEAST_PART))
        known = since <= begin + self._interval_s
        fresh = self._ends[-1] >= now - _FRESH_INTERVALS * self._interval_s
        return not bad and enough and known and fresh

    def good_since(self) -> float | None:
        """The end of the first good sample after the last bad one; None if there is no such sample."""
        # The first sample from which on no more bad ones are counted.
        first = bisect_left(self._bad, self._bad[-1])
        return self._ends[first] if first < len(self._ends) else None

    def first_bad(self, after: float) -> Sampled | None:
        """The first bad sample that ended after `after`, if there is one."""
        first = bisect_right(self._ends, after)
        # The place at which the count of bad samples first exceeds what it was.
        place = bisect_right(self._bad, self._bad[first])
        return self._samples[place - 1] if place < len(self._bad) else None

    def why_bad(self, now: float) -> str:
        """In words why the SLI is not good at `now`, from the last second's samples; empty if it is good."""
        if self.last is None:
            return "no sample yet"
        if self.last.end < now - _FRESH_INTERVALS * self._interval_s:
            return f"no sample for {now - self.last.end:.1f} s"
        first = self.first_bad(now - _SHOWN_S)
        if first is None:
            return ""
        looks, bad = self.tally(now - _SHOWN_S, now)
        return f"{bad} of {looks} looks bad in the last second ({first.detail or 'no detail'})"


class Signals:
    """The series of every SLI of a drill; a `protocols.Watch`.

    Args:
        slis: the SLIs' names.
        interval_s: the interval of the probes, in seconds.
        clock: seconds of the monotonic clock.
    """

    def __init__(
        self, slis: Iterable[str], *, interval_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.series: Mapping[str, Series] = {sli: Series(sli, interval_s) for sli in slis}
        self._clock = clock
        self._listeners: list[Callable[[Sampled], None]] = []

    def add(self, sample: Sampled) -> None:
        """Take in `sample`, then tell whoever listens."""
        self.series[sample.sli].add(sample)
        for listener in tuple(self._listeners):
            listener(sample)

    def listen(self, listener: Callable[[Sampled], None]) -> None:
        """Call `listener` with each later sample, after it has been taken in."""
        self._listeners.append(listener)

    def holds(self, window_s: float) -> bool:
        """Whether every SLI has been good throughout the last `window_s` seconds; False without an SLI."""
        now = self._clock()
        return bool(self.series) and all(series.holds(window_s, now) for series in self.series.values())

    def bad_fraction(self, since: float, until: float = math.inf) -> float:
        """The bad fraction of all samples that ended from `since` to `until`; 1 if there are none."""
        tallies = [series.tally(since, until) for series in self.series.values()]
        looks = sum(looks for looks, _ in tallies)
        return sum(bad for _, bad in tallies) / looks if looks else 1.0

    def good_since(self) -> float | None:
        """The moment since which every SLI is good, or None while one is not or there is none."""
        moments = [series.good_since() for series in self.series.values()]
        known = [moment for moment in moments if moment is not None]
        return max(known) if known and len(known) == len(moments) else None

    def describe_bad(self) -> str:
        """In words which SLIs are not good now, and why, from the last second's samples."""
        now = self._clock()
        reasons = {sli: series.why_bad(now) for sli, series in self.series.items()}
        parts = [f"{sli}: {reason}" for sli, reason in reasons.items() if reason]
        return "; ".join(parts) or "every SLI is good now"

    async def wait_until_holds(self, window_s: float, deadline_s: float) -> bool:
        """Wait until `holds(window_s)`; False when `deadline_s` seconds pass first."""
        return await self._wait(lambda: self.holds(window_s), deadline_s)

    async def wait_until_bad(self, deadline_s: float) -> bool:
        """Wait until the newest sample of some SLI is bad; False when `deadline_s` seconds pass first."""
        return await self._wait(self._is_bad, deadline_s)

    def _is_bad(self) -> bool:
        return any(series.last is not None and not series.last.good for series in self.series.values())

    async def _wait(self, condition: Callable[[], bool], deadline_s: float) -> bool:
        if condition():
            return True
        came = asyncio.get_running_loop().create_future()

        def look(_: Sampled) -> None:
            if not came.done() and condition():
                came.set_result(None)

        self._listeners.append(look)
        try:
            async with asyncio.timeout(deadline_s):
                await came
        except TimeoutError:
            return condition()
        finally:
            self._listeners.remove(look)
        return True
