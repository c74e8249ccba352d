"""The traffic of a drill: starts the runner of a locustfile, and writes what it tells into the journal.

Locust itself runs in the runner's process and is never imported here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from drillbook.errors import InputError, StackError
from drillbook.events import PartChanged, TrafficCounted
from drillbook.journal import Journal, build

START_DEADLINE_S = 15.0
STOP_GRACE_S = 2.5
VISITORS = Path(__file__).with_name("visitors.py")
"""The locustfile that visits the paths that it is told."""

PATHS = "DRILLBOOK_PATHS"
"""The environment variable by which `visitors.py` is told what to visit: a list as JSON."""
_KILL_DEADLINE_S = 5.0
_LINE_LIMIT = 1 << 20
# With it, Locust would leave blocking calls as they are, and one user would hold up all others.
_NOT_FOR_LOCUST = "LOCUST_SKIP_MONKEY_PATCH"


class Traffic:
    """The customers of one drill.

    Args:
        journal: takes a `TrafficCounted` every 200 ms, and a `PartChanged` when traffic starts and ends.
        url: where they reach the service.
        locustfile: what they do.
        users: how many there are.
        seed: makes what they do repeatable.
        limit_s: they stop by themselves after that many seconds.
        log: what the locustfile prints and what Locust warns of.
        rate_per_s: the bound on the requests of all together, for a locustfile without a pause.
        network: where their addresses are from, one each while there are enough.
        announce: whether they say their address in place of connecting from it.
        part: what the journal calls them.
        count: takes each `TrafficCounted` in the journal's place.
        paths: what the customers of the generated locustfile visit.
    """

    def __init__(
        self,
        journal: Journal,
        url: str,
        *,
        locustfile: Path,
        users: int = 6,
        seed: int,
        limit_s: float,
        log: Path,
        rate_per_s: float = 100.0,
        network: str = "127.0.1.0/24",
        announce: bool = False,
        part: str = "traffic",
        count: Callable[[TrafficCounted], None] | None = None,
        paths: Sequence[str] = (),
    ) -> None:
        self._paths = tuple(paths)
        self.acknowledged: list[str] = []
        self._journal = journal
        self._locustfile = locustfile.absolute()
        self._log = log
        self._command = [sys.executable, "-P", "-m", "drillbook.traffic.runner"]
        self._command += [str(self._locustfile), url, "--users", str(users), "--seed", str(seed)]
        self._command += ["--limit", str(limit_s), "--rate", str(rate_per_s), "--network", network]
        self._command += ["--announce"] if announce else []
        self._part = part
        self._count: Callable[[TrafficCounted], object] = count or journal.write
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._stopping = False
        self._load_s = 0.0
        self._ended = ""

    async def start(self) -> None:
        """Let the customers in, after `load` if that has not been called.

        Raises:
            InputError: the locustfile can't be used; the error says why and at which line.
            StackError: the runner does not start.
        """
        if self._process is None:
            await self.load()
        if self._process is None or self._process.stdin is None:
            raise StackError("the traffic was not loaded")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end is told where it is read
            self._process.stdin.write(b"go\n")
            await self._process.stdin.drain()
        self._journal.write(PartChanged(self._part, "started", pid=self._process.pid, seconds=self._load_s))
        self._reading = asyncio.create_task(self._read(), name="traffic")

    async def load(self) -> None:
        """Start the runner and have it load the locustfile; no customer comes before `start`.

        Raises:
            InputError: the locustfile can't be used; the error says why and at which line.
            StackError: the runner does not start.
        """
        if not self._locustfile.is_file():
            raise InputError("no such locustfile", path=self._locustfile)
        began = time.monotonic()
        self._process = await self._spawn()
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                first = await self._next_line()
            self._check(first)
        except TimeoutError:
            await self._end()
            raise StackError(
                f"the traffic did not start within {START_DEADLINE_S:g} s{self._tail()}"
            ) from None
        except BaseException:
            await self._end()
            raise
        self._load_s = time.monotonic() - began

    async def stop(self) -> None:
        """Send the customers away and write down what they saw last. Idempotent.

        Raises:
            StackError: what they saw could not be read to its end.
        """
        if self._process is None or self._stopping:
            return
        self._stopping = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=STOP_GRACE_S)
        await self._end()
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=_KILL_DEADLINE_S)
            if not self._reading.done():
                self._reading.cancel()
                raise StackError("what the traffic told has no end")
            self._reading.result()
        self._journal.write(PartChanged(self._part, "stopped", pid=self._process.pid))

    async def _spawn(self) -> asyncio.subprocess.Process:
        environment = {name: value for name, value in os.environ.items() if name != _NOT_FOR_LOCUST}
        if self._paths:
            environment[PATHS] = json.dumps(self._paths)
        try:
            with self._log.open("ab") as log:
                return await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    cwd=self._locustfile.parent,
                    env=environment,
                    start_new_session=True,
                    limit=_LINE_LIMIT,
                )
        except OSError as error:
            raise StackError(f"can't start the traffic: {error.strerror}", path=error.filename) from error

    async def _next_line(self) -> dict[str, Any] | None:
        """The next line, or None at the end."""
        if self._process is None or self._process.stdout is None:
            return None
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):  # the end, with or without a line that was cut off
            return None
        return dict(json.loads(line))

    def _check(self, first: Mapping[str, Any] | None) -> None:
        if first is None:
            raise StackError(f"the traffic ended before it began{self._tail()}")
        if "error" in first:
            raise InputError(
                f"the locustfile can't be used: {first['error']}",
                path=self._locustfile,
                line=first["line"],
                hint="try it with the locust command",
            )

    async def _read(self) -> None:
        while (line := await self._next_line()) is not None:
            if "ended" in line:
                self._ended = line["ended"]
                continue
            counted = build(TrafficCounted, line)
            self.acknowledged.extend(counted.acknowledged)
            self._count(counted)
        if not self._stopping:
            detail = self._ended or f"it was cut off{self._tail()}"
            self._journal.write(PartChanged(self._part, "exited", detail))

    async def _end(self) -> None:
        """End the whole process group."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # it is gone, which is what was wanted
            os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.wait_for(self._process.wait(), _KILL_DEADLINE_S)

    def _tail(self) -> str:
        try:
            lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        except OSError as error:
            return f" (its log can't be read: {error.strerror})"
        return f": {lines[-1]}" if lines else ""
