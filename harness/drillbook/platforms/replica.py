"""One replica: a process of the service in a process group of its own, and its output in a log.

A replica doesn't know why it is started or ended; `replica_set` restarts and counts.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from drillbook.errors import StackError
from drillbook.platforms.health import HOST, ask
from drillbook.platforms.log import DeploymentLog, LineSplitter

GRACE_S = 1.5
_KILL_DEADLINE_S = 5.0
_HEALTH_INTERVAL_S = 0.03
_HEALTH_TIMEOUT_S = 5.0
# Below the range from which Linux takes the ports of outgoing connections, so that none of those can take
# the port between its choice and the replica's bind.
_PORTS = range(10_000, 30_000)


class BootFailed(Exception):  # noqa: N818 - named for what happened, as the other errors here are
    """Raised when a replica ends before it is ready, or is not ready in time. Its text says which."""


def free_port() -> int:
    """A port of the loopback on which nothing listens.

    Raises:
        StackError: a hundred tries found none.
    """
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise StackError("no free port was found for a replica", hint="see what listens with `ss -ltn`")


def describe_exit(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


class Replica:
    """A running process of the service. Made by `spawn`; `ready` once whoever made it counts on it."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: DeploymentLog) -> None:
        self.port = port
        self.pid = process.pid
        self.ready = False
        self._process = process
        self._pump = asyncio.create_task(_pump(process, log), name=f"log of replica {process.pid}")

    @classmethod
    async def spawn(
        cls, argv: tuple[str, ...], environment: Mapping[str, str], cwd: Path, port: int, log: DeploymentLog
    ) -> Replica:
        """Start `argv` with exactly `environment`.

        Raises:
            BootFailed: the program can't be started.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                env=dict(environment),
                cwd=cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise BootFailed(f"{argv[0]} can't be started: {error.strerror}") from error
        return cls(process, port, log)

    @property
    def address(self) -> str:
        """Where it listens, as `HOST:PORT`."""
        return f"{HOST}:{self.port}"

    async def wait(self) -> int:
        """Its exit code, once it has ended; negative for a signal."""
        return await self._process.wait()

    async def until_ready(self, path: str, deadline_s: float) -> None:
        """Wait until a GET of `path` answers 2xx.

        Raises:
            BootFailed: the process ended, or `deadline_s` passed.
        """

        async def look(timeout_s: float) -> str | None:
            return await ask(self.port, path, timeout_s=timeout_s)

        await until_ready(look, self.wait, deadline_s)

    async def pause(self) -> None:
        """Stop its whole process group where it is, as a process hangs: it lives, and does nothing."""
        self._signal(signal.SIGSTOP)

    async def resume(self) -> None:
        """Let what `pause` stopped go on."""
        self._signal(signal.SIGCONT)

    async def paused(self) -> bool:
        """Whether the operating system says that it is stopped."""
        try:
            return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return False

    async def end(self, grace_s: float = GRACE_S) -> None:
        """End its whole process group: SIGTERM, and after `grace_s` SIGKILL. Again does no harm.

        Raises:
            StackError: not even SIGKILL ended it.
        """
        if self._process.returncode is None:
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)  # a stopped process would take its SIGTERM only when continued
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), grace_s)
        self._signal(signal.SIGKILL)  # also for children that outlived their parent
        try:
            await asyncio.wait_for(self._process.wait(), _KILL_DEADLINE_S)
        except TimeoutError as error:
            raise StackError(f"process {self.pid} of a replica outlived SIGKILL") from error
        await asyncio.wait({self._pump}, timeout=1.0)  # a process that left the group may hold the pipe
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


async def until_ready(
    look: Callable[[float], Awaitable[str | None]], wait: Callable[[], Awaitable[int]], deadline_s: float
) -> None:
    """Wait until a replica is ready.

    Args:
        look: why it is not ready, or None where it is; takes how long the look may take, in seconds.
        wait: its exit code, once it has ended.
        deadline_s: how long to wait, in seconds.

    Raises:
        BootFailed: it ended, or `deadline_s` passed.
    """
    ready = asyncio.create_task(_poll(look, deadline_s))
    ended = asyncio.ensure_future(wait())
    try:
        await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise BootFailed(f"it {describe_exit(ended.result())} before it was ready")
        ready.result()
    finally:
        ready.cancel()
        ended.cancel()
        await asyncio.gather(ready, ended, return_exceptions=True)


async def _poll(look: Callable[[float], Awaitable[str | None]], deadline_s: float) -> None:
    deadline = time.monotonic() + deadline_s
    while True:
        left = max(0.05, deadline - time.monotonic())
        reason = await look(min(_HEALTH_TIMEOUT_S, left))
        if reason is None:
            return
        if time.monotonic() >= deadline:
            raise BootFailed(f"it was not ready within {deadline_s:g} s: {reason}")
        await asyncio.sleep(_HEALTH_INTERVAL_S)


async def _pump(process: asyncio.subprocess.Process, log: DeploymentLog) -> None:
    lines = LineSplitter(log)
    reader = process.stdout
    if reader is None:
        raise StackError("a replica was started without a pipe for its output")
    try:
        while data := await reader.read(65536):
            lines.feed(data)
    finally:
        lines.end()
