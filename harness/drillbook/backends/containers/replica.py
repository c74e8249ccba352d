"""The platform's replicas as containers, and the kernel as what holds them to their limits."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from drillbook.backends.containers.container import Container, Recipe
from drillbook.backends.containers.dock import Dock
from drillbook.backends.containers.pod import LOOPBACK, Pod
from drillbook.errors import StackError
from drillbook.journal import Journal
from drillbook.platforms.governor import Lookout, Meter
from drillbook.platforms.log import DeploymentLog, LineSplitter
from drillbook.platforms.replica import BootFailed, until_ready
from drillbook.platforms.runner import Edge, Running, Warden
from drillbook.platforms.service import ENV, Service
from drillbook.protocols import Limits

_MB = 1e6
_PORTS = range(10_000, 30_000)
_MEASURE_S = 0.2
_WINDOW_S = 1.0
_LOG_DEADLINE_S = 2.0


class ContainerReplica:
    """A replica in a container; see `platforms.runner.Running`."""

    def __init__(
        self, pod: Pod, container: Container, port: int, log: DeploymentLog, host: str = LOOPBACK
    ) -> None:
        self.container = container
        self._host = host
        self.port = port
        self.pid = container.pid
        self.ready = False
        self.out_of_memory = False
        self._pod = pod
        self._lines = LineSplitter(log)
        self._following = asyncio.ensure_future(container.follow(self._lines.feed))

    @property
    def address(self) -> str:
        """Where the gate finds it."""
        return f"{self._host}:{self.port}"

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        code = await self.container.wait()
        if code == -signal.SIGKILL:
            try:
                self.out_of_memory = bool((await self.container.state())["OOMKilled"])
            except StackError:
                return code  # it was removed, by us
        return code

    async def until_ready(self, path: str, deadline_s: float) -> None:
        """Wait until a GET of `path` answers 2xx."""

        async def look(timeout_s: float) -> str | None:
            return await self._pod.ask(self.port, path, timeout_s=timeout_s, host=self._host)

        await until_ready(look, self.wait, deadline_s)

    async def pause(self) -> None:
        """Freeze it."""
        await self.container.pause()

    async def resume(self) -> None:
        """Let it go on."""
        await self.container.resume()

    async def paused(self) -> bool:
        """Whether the engine says that it is frozen."""
        return self.container.exit_code is None and bool((await self.container.state())["Paused"])

    async def end(self, grace_s: float) -> None:
        """End it and remove it."""
        await self.container.end(grace_s=grace_s)
        await asyncio.wait([self._following], timeout=_LOG_DEADLINE_S)
        self._lines.end()
        await self.container.remove()


class Overseer(Lookout):
    """Measures a replica, and tells the kernel when its limits change; see `platforms.runner.Warden`."""

    def __init__(
        self,
        replica: ContainerReplica,
        limits: Callable[[], Limits],
        meter: Meter,
        failed: Callable[[BaseException], None],
    ) -> None:
        super().__init__(f"overseer of {replica.pid}", failed)
        self._replica = replica
        self._limits = limits
        self._in_force = limits()
        self._meter = meter
        self._told = False
        self._seen: deque[tuple[float, float]] = deque()

    @property
    def verdict(self) -> str:
        """Why it was killed, where the kernel did that."""
        if not self._replica.out_of_memory:
            return ""
        if not self._told:
            self._told = True
            self._meter.kills += 1
            self._meter.killed = time.monotonic()
        limit = self._in_force.memory_mb
        of = "" if limit is None else f" of {limit:g} MB"
        return f"was killed by the kernel: out of memory, all{of} used"

    async def _run(self) -> None:
        container = self._replica.container
        while container.exit_code is None:
            await self._apply()
            try:
                self._note(await container.stats())
            except (StackError, KeyError):
                if container.exit_code is None:
                    await asyncio.sleep(_MEASURE_S)  # it is just coming up, or just going
                continue
            await asyncio.sleep(_MEASURE_S)  # the interval of the measures

    async def _apply(self) -> None:
        limits = self._limits()
        if limits == self._in_force:
            return
        try:
            await self._replica.container.set_limits(limits, self._in_force)
        except StackError:
            if self._replica.container.exit_code is None:
                raise
        self._in_force = limits

    def _note(self, stats: Mapping[str, Any]) -> None:
        # The engine counts once a second, and says when: what it is asked in between it gives again.
        read = datetime.fromisoformat(stats["read"][:26].rstrip("Z")).replace(tzinfo=UTC)
        now = time.monotonic() - (datetime.now(UTC) - read).total_seconds()
        if self._seen and now <= self._seen[-1][0] + _MEASURE_S:
            return
        memory = stats["memory_stats"]
        parts = memory.get("stats", {})
        # What can't be given back: version 1 of control groups calls it rss, version 2 anon.
        self._meter.memory_mb.add(parts.get("rss", parts.get("anon", memory["usage"])) / _MB)
        cpu_s = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        seen = self._seen
        seen.append((now, cpu_s))
        while len(seen) > 1 and seen[1][0] <= now - _WINDOW_S:
            seen.popleft()
        window_s = now - seen[0][0]
        if window_s > 0:
            self._meter.cpu.add(max(0.0, cpu_s - seen[0][1]) / window_s)
            self._meter.since = seen[0][0]


def without_env(argv: Sequence[str]) -> tuple[Sequence[str], dict[str, str]]:
    """A command line that begins with `env` without that, which an image need not have, and what it sets."""
    if not argv or argv[0] != ENV:
        return argv, {}
    settings = dict(word.split("=", 1) for word in takewhile(lambda word: "=" in word, argv[1:]))
    return argv[1 + len(settings) :], settings


class ContainerRunner:
    """Runs a platform's replicas in containers of a pod; see `platforms.runner.Runner`.

    Args:
        dock: the engine.
        pod: what they join.
        image: their image.
        files: the service's code, as `container.Recipe.files`.
        user: whom they run as.
        port: where each listens, on the app's network; None where it is told a port, in the pod.
        options: docker-py's own, beside those of the network.
    """

    def __init__(
        self,
        dock: Dock,
        pod: Pod,
        image: str,
        files: Mapping[str, bytes | Path],
        *,
        user: str = "1000",
        port: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._dock = dock
        self._pod = pod
        self._image = image
        self._files = files
        self._user = user
        self._port = port
        self._options = dict(options or {})
        self._numbers = itertools.count(1)
        self._taken: set[int] = set()

    async def start_edge(self, journal: Journal, port: int, log: Path) -> Edge:
        """The pod's gate, which serves already."""
        del journal, port, log
        return self._pod

    async def spawn(
        self,
        service: Service,
        release: str,
        variables: Mapping[str, str],
        log: DeploymentLog,
        limits: Limits,
    ) -> Running:
        """Start a replica.

        Raises:
            BootFailed: the engine refuses to.
        """
        port = self._port
        if port is None:
            port = random.choice([port for port in _PORTS if port not in self._taken])  # noqa: S311  no secret
            self._taken.add(port)
        network = self._pod.options if self._port is None else self._pod.app_options
        argv, settings = without_env(service.argv(release, port))
        recipe = Recipe(
            self._image,
            argv,
            environment={**variables, "PORT": str(port), **settings},
            files=self._files,
            user=self._user,
            limits=limits,
            options={**network, **self._options},
        )
        name = f"{service.name}-{next(self._numbers)}"
        try:
            container = await Container.start(self._dock, name, recipe)
        except StackError as error:
            raise BootFailed(error.message) from error
        host = LOOPBACK if self._port is None else container.address(self._pod.app_network)
        return ContainerReplica(self._pod, container, port, log, host)

    def govern(
        self,
        replica: Running,
        limits: Callable[[], Limits],
        meter: Meter,
        failed: Callable[[BaseException], None],
    ) -> Warden:
        """Its overseer."""
        if not isinstance(replica, ContainerReplica):
            raise StackError("a container's overseer was given another kind of replica")
        return Overseer(replica, limits, meter, failed)
