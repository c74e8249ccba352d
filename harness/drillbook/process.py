"""A long-running program that the harness started: its log, its end, and its whole process group.

interrupt → kill is done here and nowhere else. It knows nothing of what the program is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from drillbook.errors import StackError
from drillbook.waiting import until

KILL_DEADLINE_S = 5.0
_POLL_S = 0.005


@dataclass(frozen=True, slots=True)
class Owner:
    """An unprivileged user for a program that refuses to run as root."""

    uid: int
    gid: int


class Program(Protocol):
    """A long-running program of the stack, wherever it runs."""

    @property
    def pid(self) -> int:
        """Its process id, as this machine sees it."""

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""

    async def wait_until(self, ready: Callable[[], Awaitable[bool]], *, deadline_s: float, what: str) -> None:
        """Wait until `ready` says so.

        Raises:
            StackError: the program ended first, or `deadline_s` passed; the message has the log's end.
        """

    async def end(self, first: signal.Signals = signal.SIGTERM, *, grace_s: float = 2.0) -> None:
        """End everything of it: `first`, then SIGKILL after `grace_s`. Idempotent."""


class Process:
    """A program in a process group of its own, with its output in a log file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def start(
        cls,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
        cwd: Path | None = None,
        owner: Owner | None = None,
    ) -> Process:
        """Start `argv`.

        Raises:
            StackError: the program can't be started.
        """
        with log.open("ab") as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    *argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=dict(env),
                    cwd=cwd,
                    start_new_session=True,
                    user=owner.uid if owner else None,
                    group=owner.gid if owner else None,
                    extra_groups=[] if owner else None,
                )
            except OSError as error:
                raise StackError(f"can't start {name}: {error.strerror}", path=argv[0]) from error
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        """The process id, which is the process group's as well."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        return self._process.returncode

    def tail(self, lines: int = 3) -> str:
        """The last lines of the log, on one line."""
        try:
            text = self.log.read_text("utf-8", "replace")
        except OSError as error:
            return f"no log: {error.strerror}"
        return " | ".join(text.strip().splitlines()[-lines:])

    async def wait_until(self, ready: Callable[[], Awaitable[bool]], *, deadline_s: float, what: str) -> None:
        """Wait until `ready` says so.

        Raises:
            StackError: the program ended first, or `deadline_s` passed; the message has the log's end.
        """

        async def ready_or_ended() -> bool:
            if self.exit_code is not None:
                raise StackError(f"{self.name} ended with exit code {self.exit_code}")
            return await ready()

        try:
            await until(ready_or_ended, deadline_s=deadline_s, what=f"{self.name} {what}", every_s=_POLL_S)
        except StackError as error:
            raise StackError(f"{error.message}: {self.tail()}") from error

    async def end(self, first: signal.Signals = signal.SIGTERM, *, grace_s: float = 2.0) -> None:
        """End the whole process group: `first`, then SIGKILL after `grace_s`. Idempotent."""
        if self.exit_code is None:
            self._signal(first)
            with contextlib.suppress(TimeoutError):  # the SIGKILL below is the answer to it
                await asyncio.wait_for(self._process.wait(), grace_s)
        self._signal(signal.SIGKILL)
        await asyncio.wait_for(self._process.wait(), KILL_DEADLINE_S)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return  # the group is gone, which is what was wanted
        except PermissionError:
            # macOS answers this for a group that holds nothing but zombies.
            return


def listens(port: int, host: str = "127.0.0.1") -> Callable[[], Awaitable[bool]]:
    """A check for `wait_until`: whether something accepts connections at `port`."""

    async def ready() -> bool:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            return False
        writer.close()
        return True

    return ready


def process_began(pid: int) -> float:
    """When the process `pid` began, in seconds of the epoch; 0 if there is none that still runs."""
    import psutil  # noqa: PLC0415  not needed before a run begins

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return float(process.create_time())
    return 0.0
