"""Where a platform's replicas and its edge run: as processes of this machine, or in whatever a backend has.

The platform decides what runs; a runner starts it, says how it does, and ends it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from drillbook.journal import Journal
from drillbook.platforms.edge_process import EdgeProcess
from drillbook.platforms.governor import Governor, Meter
from drillbook.platforms.log import DeploymentLog
from drillbook.platforms.replica import Replica, free_port
from drillbook.platforms.service import Service
from drillbook.protocols import Limits


class Running(Protocol):
    """A replica that was started. `ready` is for whoever started it, once they count on it."""

    pid: int
    port: int
    ready: bool

    @property
    def address(self) -> str:
        """Where the edge finds it, as `HOST:PORT`."""

    async def wait(self) -> int:
        """Its exit code, once it has ended; negative for a signal."""

    async def until_ready(self, path: str, deadline_s: float) -> None:
        """Wait until a GET of `path` answers 2xx.

        Raises:
            BootFailed: it ended, or `deadline_s` passed.
        """

    async def pause(self) -> None:
        """Stop it where it is."""

    async def resume(self) -> None:
        """Let it go on."""

    async def paused(self) -> bool:
        """Whether it is stopped, as the operating system sees it."""

    async def end(self, grace_s: float) -> None:
        """End it, by force after `grace_s`. Again does no harm.

        Raises:
            StackError: it can't be ended.
        """


class Warden(Protocol):
    """Holds a replica to its limits and measures what it uses."""

    @property
    def verdict(self) -> str:
        """Why it was killed; empty where it was not."""

    def start(self) -> None:
        """Begin to watch."""

    async def stop(self) -> None:
        """Watch no more. Again does no harm."""


class Edge(Protocol):
    """The way in for the customers.

    Raises:
        StackError: from every method but `stop`, where the edge has ended or doesn't reply.
    """

    async def switch(self, addresses: Sequence[str]) -> None:
        """Send every later request to `addresses` and no other."""

    async def drain(self, addresses: Sequence[str], deadline_s: float) -> int:
        """Wait until `addresses` have no request in hand; how many are left at the deadline."""

    def check(self) -> None:
        """Raise where the edge has ended by itself."""

    async def stop(self) -> None:
        """End it. Again does no harm."""


class Runner(Protocol):
    """Starts replicas and the edge."""

    async def start_edge(self, journal: Journal, port: int, log: Path) -> Edge:
        """Start the edge, at `port` for customers on this machine.

        Raises:
            StackError: it does not start.
        """

    async def spawn(
        self,
        service: Service,
        release: str,
        variables: Mapping[str, str],
        log: DeploymentLog,
        limits: Limits,
    ) -> Running:
        """Start a replica of `release`, with `variables` and its own PORT, and its output in `log`.

        Raises:
            BootFailed: it can't be started.
        """

    def govern(
        self,
        replica: Running,
        limits: Callable[[], Limits],
        meter: Meter,
        failed: Callable[[BaseException], None],
    ) -> Warden:
        """Who holds `replica` to what `limits` says now; see `governor.Governor`."""


class LocalRunner:
    """Runs them as processes of this machine."""

    async def start_edge(self, journal: Journal, port: int, log: Path) -> Edge:
        """Start the edge on the loopback's `port`."""
        return await EdgeProcess.start(journal, port, log)

    async def spawn(
        self,
        service: Service,
        release: str,
        variables: Mapping[str, str],
        log: DeploymentLog,
        limits: Limits,
    ) -> Running:
        """Start a replica on a free port of the loopback; its governor holds it to its limits."""
        del limits
        port = free_port()
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment |= {**variables, "PORT": str(port)}
        return await Replica.spawn(service.argv(release, port), environment, service.cwd, port, log)

    def govern(
        self,
        replica: Running,
        limits: Callable[[], Limits],
        meter: Meter,
        failed: Callable[[BaseException], None],
    ) -> Warden:
        """A governor of its process group."""
        return Governor(replica.pid, limits, meter, failed)
