"""The external provider of the local stack: a stub of its API, in a process of its own.

It is told how to behave over its own HTTP interface, by which it also tells how often it was asked.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from drillbook.errors import StackError
from drillbook.process import Process, Program, listens

_BOOT_DEADLINE_S = 10.0
_ANSWER_DEADLINE_S = 2.0


class Provider:
    """The provider's stub; see `protocols.Provider`.

    Args:
        program: the stub's Python file.
        log: its log file.
        port: the TCP port on 127.0.0.1.
    """

    def __init__(self, program: Path, *, log: Path, port: int) -> None:
        self._program = program
        self._log = log
        self._port = port
        self._process: Program | None = None

    @property
    def url(self) -> str:
        """Where the service reaches it."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            StackError: it does not.
        """
        self._process = await self._launch()
        ready = listens(self._port)
        await self._process.wait_until(ready, deadline_s=_BOOT_DEADLINE_S, what="listens")

    async def _launch(self) -> Program:
        """Start the stub's program."""
        argv = [sys.executable, str(self._program), "--port", str(self._port)]
        return await Process.start("provider", argv, log=self._log, env={"PATH": os.defpath})

    async def stop(self) -> None:
        """End it. Idempotent."""
        if self._process is not None:
            await self._process.end()

    async def kill(self) -> None:
        """End it, so that connections to it are refused. Does no harm where it is down."""
        if self._process is not None:
            await self._process.end(signal.SIGKILL)

    async def revive(self) -> None:
        """Start it again after `kill`; it is then as at the start."""
        if self._process is None or self._process.exit_code is not None:
            await self.start()

    async def set_mode(self, mode: str) -> None:
        """Make it behave as `mode` says.

        Raises:
            StackError: it is down, or has no such mode.
        """
        await self._ask("PUT", json.dumps({"mode": mode}))

    async def mode(self) -> str:
        """How it behaves now.

        Raises:
            StackError: it is down.
        """
        return str((await self._ask("GET", ""))["mode"])

    async def set_key(self, key: str | None) -> None:
        """Make it refuse every key but `key`, or with None take any.

        Raises:
            StackError: it is down.
        """
        await self._ask("PUT", json.dumps({"key": key}))

    async def key(self) -> str | None:
        """The key that it takes, or None where it takes any.

        Raises:
            StackError: it is down.
        """
        key = (await self._ask("GET", ""))["key"]
        return None if key is None else str(key)

    async def hits(self) -> int:
        """How many messages it was sent so far.

        Raises:
            StackError: it is down.
        """
        return int((await self._ask("GET", ""))["hits"] or 0)

    async def _ask(self, method: str, body: str) -> dict[str, str | int | None]:
        head = f"{method} /_stub HTTP/1.1\r\nHost: provider\r\nConnection: close\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        try:
            async with asyncio.timeout(_ANSWER_DEADLINE_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    writer.write((head + body).encode())
                    answer = (await reader.read()).decode()
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            raise StackError(f"the provider's stub does not answer: {str(error) or 'too late'}") from error
        status, _, rest = answer.partition("\r\n")
        if " 200 " not in status:
            raise StackError(f"the provider's stub refused: {rest.rpartition(chr(10))[2]}")
        return dict(json.loads(rest.rpartition("\r\n\r\n")[2]))
