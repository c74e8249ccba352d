"""The prober: makes every probe look at the system at a fixed cadence, and records what each look showed.

Open loop: a slow answer delays no later look, so that a system that hangs is not looked at less often than
one that is well. It judges one look at a time and draws no conclusion from several.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from drillbook.errors import StackError
from drillbook.events import Sampled, Stalled
from drillbook.journal import Journal
from drillbook.protocols import Observation, Probe
from drillbook.signals.sli import Signals

IN_FLIGHT = 64
_LATE_INTERVALS = 2
_STOP_DEADLINE_S = 2.0
_LONGEST_DETAIL = 120


@dataclass(eq=False, slots=True)
class _Look:
    """One look on its way. `grace_s` is how long the prober itself was stalled meanwhile."""

    lane: _Lane
    start: float
    expires: float
    task: asyncio.Task[Observation]
    timer: asyncio.TimerHandle = field(init=False)
    grace_s: float = 0.0
    decided: bool = False


@dataclass(eq=False, slots=True)
class _Lane:
    """One probe, when it looks next, and its looks on their way, the oldest first."""

    probe: Probe
    due: float
    timer: asyncio.TimerHandle | None = None
    looks: dict[_Look, None] = field(default_factory=dict)
    is_bad: bool = False
    last_good: float = float("-inf")


class Prober:
    """Looks through `probes` every `interval_s` seconds each, one shifted against the other.

    A look is bad if its probe says so or raises, if it takes longer than the probe's `deadline_s` (it is
    then abandoned), or if it is good but took longer than `slow_s`. When, after an outage of at least that
    deadline, a look is answered well, the older ones still unanswered are given up: they tell of the outage,
    and must not make it look longer than it was. Time that this process itself lost is not counted against
    a look.

    Args:
        journal: where every sample goes.
        probes: the probes; they are closed by `stop`.
        interval_s: the cadence, in seconds.
    """

    def __init__(self, journal: Journal, probes: Sequence[Probe], *, interval_s: float = 0.04) -> None:
        self.signals = Signals((probe.sli for probe in probes), interval_s=interval_s)
        self._journal = journal
        self._probes = tuple(probes)
        self._interval_s = interval_s
        self._lanes: list[_Lane] = []
        self._stalled_until = float("-inf")

    async def start(self) -> None:
        """Begin to look. The first look of the first probe is made at once."""
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        for place, probe in enumerate(self._probes):
            lane = _Lane(probe, now + self._interval_s * place / len(self._probes))
            lane.timer = self._loop.call_at(lane.due, self._fire, lane)
            self._lanes.append(lane)

    async def stop(self) -> None:
        """End every look on its way, without a sample, and close the probes. Can be called again.

        Raises:
            StackError: a look or a probe can't be ended within 2 seconds.
        """
        lanes, self._lanes = self._lanes, []
        tasks = [task for lane in lanes for task in self._cut_off(lane)]
        stuck = (await asyncio.wait(tasks, timeout=_STOP_DEADLINE_S))[1] if tasks else set()
        probes, self._probes = self._probes, ()
        closed = await asyncio.gather(
            *(asyncio.wait_for(probe.close(), _STOP_DEADLINE_S) for probe in probes), return_exceptions=True
        )
        for probe, failure in zip(probes, closed, strict=True):
            if isinstance(failure, BaseException):
                raise StackError(
                    f"the probe of {probe.sli} can't be closed: {describe(failure)}"
                ) from failure
        if stuck:
            raise StackError(f"{len(stuck)} looks of the probes do not end within {_STOP_DEADLINE_S:g} s")

    @staticmethod
    def _cut_off(lane: _Lane) -> list[asyncio.Task[Observation]]:
        if lane.timer is not None:
            lane.timer.cancel()
        for look in lane.looks:
            look.decided = True
            look.timer.cancel()
            look.task.cancel()
        return [look.task for look in lane.looks]

    def _fire(self, lane: _Lane) -> None:
        now = self._loop.time()
        self._check_stall(lane.due, now)
        # On the grid of the cadence, and never in a burst: what was missed is not made up for.
        lane.due += self._interval_s * (1 + max(0, int((now - lane.due) / self._interval_s)))
        lane.timer = self._loop.call_at(lane.due, self._fire, lane)
        if len(lane.looks) >= IN_FLIGHT:
            self._record(lane, now, now, good=False, detail=f"no answer to the {IN_FLIGHT} before")
        else:
            self._look(lane, now)

    def _look(self, lane: _Lane, now: float) -> None:
        task = self._loop.create_task(_observe(lane.probe), name=f"look at {lane.probe.sli}")
        expires = now + lane.probe.deadline_s
        look = _Look(lane, now, expires, task)
        look.timer = self._loop.call_at(expires, self._expire, look)
        lane.looks[look] = None
        task.add_done_callback(lambda _: self._answered(look))

    def _check_stall(self, due: float, now: float) -> None:
        """Where `due` was missed by more than two intervals, write it down, and grant it to the looks."""
        late = now - due
        if late <= _LATE_INTERVALS * self._interval_s or due < self._stalled_until:
            return
        self._stalled_until = now
        for look in [look for lane in self._lanes for look in lane.looks if not look.decided]:
            look.grace_s += late
            look.expires += late
            look.timer.cancel()
            look.timer = self._loop.call_at(look.expires, self._expire, look)
        self._journal.write(Stalled(round(late, 3), "the process that looks was kept from running"))

    def _expire(self, look: _Look) -> None:
        self._check_stall(look.expires, self._loop.time())
        if not look.decided and look.expires <= self._loop.time():
            self._give_up(look, f"no answer within {look.lane.probe.deadline_s:.1f} s")

    def _give_up(self, look: _Look, detail: str) -> None:
        self._decide(look, good=False, detail=detail)
        look.task.cancel()

    def _answered(self, look: _Look) -> None:
        self._check_stall(look.lane.due, self._loop.time())
        del look.lane.looks[look]
        failure = None if look.task.cancelled() else look.task.exception()
        if look.decided:
            return
        if look.task.cancelled() or failure is not None:
            self._decide(look, good=False, detail=describe(failure) if failure else "the look was cancelled")
            return
        seen = look.task.result()
        seconds = self._loop.time() - look.start - look.grace_s
        if seen.good and seconds > look.lane.probe.slow_s:
            seen = Observation(good=False, detail=f"slow: {seconds:.1f} s")
        if seen.good:
            self._give_up_older(look)
        self._decide(look, good=seen.good, detail=seen.detail)

    def _give_up_older(self, answered: _Look) -> None:
        """After an outage, give up the looks begun before the one that is now `answered`.

        Only after an outage: as long as some looks fare well, the others are due their whole deadline, or
        half of a system that hangs would seem to be well between their ends.
        """
        lane, now = answered.lane, self._loop.time()
        if not lane.is_bad or now - lane.last_good <= lane.probe.deadline_s:
            return
        for look in [look for look in lane.looks if look.start < answered.start and not look.decided]:
            self._give_up(look, f"no answer in {now - look.start:.1f} s, but to a later look")

    def _decide(self, look: _Look, *, good: bool, detail: str) -> None:
        look.decided = True
        look.timer.cancel()
        self._record(look.lane, look.start, self._loop.time(), good=good, detail=detail)

    def _record(self, lane: _Lane, start: float, end: float, *, good: bool, detail: str) -> None:
        lane.is_bad = not good
        if good:
            lane.last_good = end
        sample = Sampled(lane.probe.sli, start, end, good, detail[:_LONGEST_DETAIL])
        self._journal.write(sample)
        self.signals.add(sample)


async def _observe(probe: Probe) -> Observation:
    return await probe.observe()


def describe(error: BaseException) -> str:
    """`error` in a few words, such as "Connection refused"."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    text = str(error).strip().partition("\n")[0]
    return text or type(error).__name__
