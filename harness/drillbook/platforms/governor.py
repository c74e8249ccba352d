"""Holds one replica to its limits of memory and processor time, as a container's control group would.

It needs no privileges: it looks at the process group from outside, kills what uses too much memory, and
stops what has used up its processor time for the rest of the period. It never starts anything again.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from drillbook.protocols import Limits, Use

# Memory is looked at this often. What is allocated between two looks may go beyond the limit.
TICK_S = 0.02
# Where nothing is limited, use is only measured.
_IDLE_TICK_S = 0.25
# The period of a quota: what was not used is kept for so long and no longer.
_PERIOD_S = 0.1
_WINDOW_S = 1.0
_MEMBERS_S = 0.5
_MB = 1e6


@dataclass(slots=True)
class Series:
    """The values of one measure: the last one, their mean and the largest."""

    current: float = 0.0
    largest: float = 0.0
    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        """Take the next value."""
        self.current = value
        self.largest = max(self.largest, value)
        self.total += value
        self.count += 1

    @property
    def mean(self) -> float:
        """The mean of all values, or 0."""
        return self.total / self.count if self.count else 0.0


@dataclass(slots=True)
class Meter:
    """What one replica uses. It outlives the replica's processes, so a kill does not empty it.

    `memory_mb` is resident memory in megabytes, `cpu` processors over a time that began at `since`, and
    `killed` when the replica was last killed for its memory (both monotonic seconds).
    """

    memory_mb: Series = field(default_factory=Series)
    cpu: Series = field(default_factory=Series)
    since: float = -math.inf
    killed: float | None = None
    kills: int = 0

    def use(self) -> Use:
        """The values of now."""
        return Use(self.memory_mb.current, self.cpu.current, self.since, self.kills, self.killed)


class Lookout:
    """Watches one thing in a task of its own, from `start` until `stop` or the thing's end.

    Args:
        name: the task's name.
        failed: called with an exception that ended the watching.
    """

    def __init__(self, name: str, failed: Callable[[BaseException], None]) -> None:
        self._name = name
        self._failed = failed
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._run(), name=self._name)
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._failed(error)

    async def stop(self) -> None:
        """Watch no more. Again does no harm."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        """Look again and again."""
        raise NotImplementedError


class Governor(Lookout):
    """Watches the process group that `pid` leads, from `start` until `stop` or the group's end.

    Args:
        pid: the leader.
        limits: gives the limits that are in force; asked at each look, so a change counts at once.
        meter: takes what is measured.
        failed: called with an exception that ended the watching.
    """

    def __init__(
        self, pid: int, limits: Callable[[], Limits], meter: Meter, failed: Callable[[BaseException], None]
    ) -> None:
        super().__init__(f"governor of {pid}", failed)
        self.verdict = ""
        """Why the replica was killed; empty where it was not."""
        self._pid = pid
        self._limits = limits
        self._meter = meter
        self._members: list[psutil.Process] = []
        self._members_until = 0.0
        self._budget_s = 0.0
        self._stopped = False
        self._seen: deque[tuple[float, float]] = deque()

    async def stop(self) -> None:
        """Let the replica go unwatched; what was stopped for its quota goes on. Again does no harm."""
        await super().stop()
        self._resume()

    async def _run(self) -> None:
        while True:
            limits = self._limits()
            try:
                going_on = self._look(limits)
            except psutil.NoSuchProcess:
                return
            if not going_on:
                return
            limited = limits.memory_mb is not None or limits.cpu is not None
            await asyncio.sleep(TICK_S if limited else _IDLE_TICK_S)

    def _look(self, limits: Limits) -> bool:
        """Measure once and act on it; False where there is nothing left to watch."""
        now = time.monotonic()
        memory_mb, cpu_s = self._measure(now)
        self._meter.memory_mb.add(memory_mb)
        if limits.memory_mb is not None and memory_mb > limits.memory_mb:
            self._kill(now, memory_mb, limits.memory_mb)
            return False
        if self._seen:
            then, then_s = self._seen[-1]
            self._throttle(now - then, cpu_s - then_s, limits.cpu)
        self._seen.append((now, cpu_s))
        self._note_window(now, cpu_s)
        return True

    def _measure(self, now: float) -> tuple[float, float]:
        """The memory of the group in megabytes, and the processor time that it has used in seconds."""
        leader = psutil.Process(self._pid) if not self._members else self._members[0]
        if now >= self._members_until:
            self._members = [leader, *leader.children(recursive=True)]
            self._members_until = now + _MEMBERS_S
        memory, cpu_s = 0, 0.0
        for member in self._members:
            try:
                with member.oneshot():
                    memory += member.memory_info().rss
                    times = member.cpu_times()
            except psutil.NoSuchProcess:
                if member is leader:
                    raise
                continue
            cpu_s += times.user + times.system
        return memory / _MB, cpu_s

    def _kill(self, now: float, memory_mb: float, limit_mb: float) -> None:
        self.verdict = f"was killed: out of memory, {memory_mb:.0f} MB of {limit_mb:g} MB"
        self._meter.killed = now
        self._meter.kills += 1
        self._signal(signal.SIGKILL)

    def _throttle(self, seconds: float, used_s: float, quota: float | None) -> None:
        """Stop the group where it has used more than its quota gives it, until that is made up for."""
        if quota is None:
            self._budget_s = 0.0
            self._resume()
            return
        self._budget_s = min(self._budget_s + seconds * quota - used_s, quota * _PERIOD_S)
        if self._budget_s < 0 and not self._stopped:
            self._stopped = True
            self._signal(signal.SIGSTOP)
        elif self._budget_s >= 0:
            self._resume()

    def _note_window(self, now: float, cpu_s: float) -> None:
        seen = self._seen
        while len(seen) > 1 and seen[1][0] <= now - _WINDOW_S:
            seen.popleft()
        window_s = now - seen[0][0]
        if window_s > 0:
            self._meter.cpu.add(max(0.0, cpu_s - seen[0][1]) / window_s)
            self._meter.since = seen[0][0]

    def _resume(self) -> None:
        if self._stopped:
            self._stopped = False
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._pid, number)
