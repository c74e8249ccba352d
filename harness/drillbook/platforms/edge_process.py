"""The platform's end of the edge: starts its process, tells it where requests go, and ends it.

It passes on no request itself; see `edge` for what it speaks with that process.
"""

from __future__ import annotations

import asyncio
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
from drillbook.platforms.edge_control import REPLY_DEADLINE_S, EdgeControl

_START_DEADLINE_S = 10.0
_GRACE_S = 2.0


class EdgeProcess:
    """A running edge; see `runner.Edge`. Made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process, journal: Journal, log: Path) -> None:
        if process.stdin is None or process.stdout is None:
            raise StackError("the edge was started without pipes")
        self.pid = process.pid
        self._process = process
        self._journal = journal
        self._log = log
        self._control = EdgeControl(process.stdout, process.stdin, describe_end=self._last_words)
        self._stopping = False

    @classmethod
    async def start(cls, journal: Journal, port: int, log: Path) -> EdgeProcess:
        """Start an edge that listens on the loopback's `port`; its standard error goes to the file `log`.

        Raises:
            StackError: it does not.
        """
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
            await edge._control.ready(_START_DEADLINE_S)
        except BaseException:
            await edge.stop()
            raise
        seconds = round(time.monotonic() - begun, 3)
        journal.write(PartChanged("edge", "started", f"127.0.0.1:{port}", process.pid, seconds))
        return edge

    async def switch(self, addresses: Sequence[str]) -> None:
        """Send every later request to `addresses` and no other."""
        await self._control.request({"switch": list(addresses)})

    async def drain(self, addresses: Sequence[str], deadline_s: float) -> int:
        """Wait until `addresses` have no request in hand; how many are left at the deadline."""
        request = {"drain": list(addresses), "deadline_s": deadline_s}
        return int((await self._control.request(request, deadline_s + REPLY_DEADLINE_S))["left"])

    def check(self) -> None:
        """Raise where the edge has ended by itself."""
        if not self._stopping:
            self._control.check()

    async def stop(self) -> None:
        """End its process group; again does no harm."""
        if self._stopping:
            return
        ended_before = self._control.ended
        self._stopping = True
        await self._control.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _GRACE_S)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()
        await self._control.listened()
        if not ended_before:
            self._journal.write(PartChanged("edge", "stopped", pid=self.pid))

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
