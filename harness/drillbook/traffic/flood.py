"""A flood: clients beside the ordinary customers, as Locust users in a process of their own.

They are counted apart from the customers, since what they suffer is no customer's impact.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path

from drillbook.events import FloodCounted, TrafficCounted
from drillbook.journal import Journal
from drillbook.traffic.locust import Traffic

OK = "ok"
MOST_PER_S = 300.0
_KEPT = 100  # windows of 200 ms


class Flood:
    """Clients who come to `url`; see `protocols.Flood`.

    Args:
        name: what the journal calls them.
        journal: takes a `FloodCounted` every 200 ms, and a `PartChanged` when they come and go.
        url: where they go.
        locustfile: what they do.
        network: where their addresses are from.
        announce: whether they say their address in place of connecting from it.
        users: how many there are.
        rate_per_s: the bound on the requests of all together; never more than `MOST_PER_S`.
        seed: makes what they do repeatable.
        limit_s: they stop by themselves after that many seconds.
        log: what the locustfile prints and what Locust warns of.
    """

    def __init__(
        self,
        name: str,
        journal: Journal,
        url: str,
        *,
        locustfile: Path,
        network: str,
        users: int,
        rate_per_s: float,
        seed: int,
        limit_s: float,
        log: Path,
        announce: bool = False,
    ) -> None:
        self._name = name
        self._journal = journal
        self._windows: deque[TrafficCounted] = deque(maxlen=_KEPT)
        self._traffic = Traffic(
            journal,
            url,
            locustfile=locustfile,
            users=users,
            seed=seed,
            limit_s=limit_s,
            log=log,
            rate_per_s=min(rate_per_s, MOST_PER_S),
            network=network,
            announce=announce,
            part=name,
            count=self._count,
        )

    async def start(self) -> None:
        """Let them come.

        Raises:
            InputError: the locustfile can't be used.
            StackError: they don't come.
        """
        await self._traffic.start()

    def answers(self, last_s: float) -> Mapping[str, int]:
        """How often they were answered what in the last `last_s` seconds: `ok`, or why it failed."""
        since = time.monotonic() - last_s
        answers: Counter[str] = Counter()
        for window in self._windows:
            if window.end >= since:
                answers.update(window.errors)
                answers[OK] += window.requests - window.failures
        return +answers

    async def stop(self) -> None:
        """Send them away. Idempotent.

        Raises:
            StackError: they can't be ended.
        """
        await self._traffic.stop()

    def _count(self, counted: TrafficCounted) -> None:
        self._windows.append(counted)
        self._journal.write(
            FloodCounted(
                self._name, counted.start, counted.end, counted.requests, counted.failures, counted.errors
            )
        )
