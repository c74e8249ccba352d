"""The platform's end of the edge: starts its process, tells it where requests go, and ends it.

It passes on no request itself; see `edge` for what it speaks with that process.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from drillbook.errors import StackError
from drillbook.events import PartChanged
from drillbook.journal import Journal

_START_DEADLINE_S = 10.0
_REPLY_DEADLINE_S = 5.0
_GRACE_S = 2.0


class Edge:
    """A running edge. Made by `start`.

    Raises:
        StackError: from every method but `stop`, where the edge has ended or doesn't reply.
    """

    def __init__(self, process: asyncio.subprocess.Process, journal: Journal, log: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._journal = journal
        self._log = log
        self._last_id = 0
        self._replies: dict[int, asyncio.Future[int]] = {0: asyncio.get_running_loop().create_future()}
        self._listener = asyncio.create_task(self._listen(), name="replies of the edge")
        self._stopping = False

    @classmethod
    async def start(cls, journal: Journal, port: int, log: Path) -> Edge:
        """Start an edge that listens on the loopback's `port`; its standard error goes to the file `log`."""
        begun = time.monotonic()
        names = ("PATH", "HOME", "PYTHONPATH")
        with log.open("ab") as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "drillbook.platforms.edge", "--listen", f"127.0.0.1:{port}"),
                env={name: os.environ[name] for name in names if name in os.environ},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        edge = cls(process, journal, log)
        try:
            await edge._reply(0, _START_DEADLINE_S)
        except BaseException:
            await edge.stop()
            raise
        seconds = round(time.monotonic() - begun, 3)
        journal.write(PartChanged("edge", "started", f"127.0.0.1:{port}", process.pid, seconds))
        return edge

    async def switch(self, addresses: Sequence[str]) -> None:
        """Send every later request to `addresses` and no other."""
        await self._request({"switch": list(addresses)}, _REPLY_DEADLINE_S)

    async def drain(self, addresses: Sequence[str], deadline_s: float) -> int:
        """Wait until `addresses` have no request in hand; how many are left at the deadline."""
        request = {"drain": list(addresses), "deadline_s": deadline_s}
        return await self._request(request, deadline_s + _REPLY_DEADLINE_S)

    def check(self) -> None:
        """Raise where the edge has ended by itself."""
        if not self._stopping and self._listener.done():
            raise self._ended()

    async def stop(self) -> None:
        """End its process group; again does no harm."""
        if self._stopping:
            return
        ended_before = self._listener.done()
        self._stopping = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _GRACE_S)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()
        await asyncio.gather(self._listener, return_exceptions=True)  # told by `check` until now
        if not ended_before:
            self._journal.write(PartChanged("edge", "stopped", pid=self.pid))

    async def _request(self, request: dict[str, object], deadline_s: float) -> int:
        self.check()
        self._last_id += 1
        self._replies[self._last_id] = asyncio.get_running_loop().create_future()
        if self._process.stdin is None:
            raise StackError("the edge was started without a pipe")
        self._process.stdin.write(json.dumps({"id": self._last_id, **request}).encode() + b"\n")
        return await self._reply(self._last_id, deadline_s)

    async def _reply(self, number: int, deadline_s: float) -> int:
        try:
            async with asyncio.timeout(deadline_s):
                return await self._replies[number]
        except TimeoutError as error:
            raise StackError(
                f"the edge did not reply within {deadline_s:g} s", hint=f"see {self._log}"
            ) from error
        finally:
            del self._replies[number]

    async def _listen(self) -> None:
        """Give each reply to who waits for it; at the end tell those who still wait."""
        stdout = self._process.stdout
        while stdout is not None and (line := await stdout.readline()):
            reply = json.loads(line)
            waiting = self._replies.get(reply["id"])
            if waiting is not None and not waiting.done():
                waiting.set_result(reply.get("left", 0))
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_exception(self._ended())

    def _ended(self) -> StackError:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        return StackError(f"the edge has ended: {lines[-1] if lines else 'it said nothing'}")
