"""The way from the `railway` command to the platform: a unix socket, a call a connection, a line each way.

It knows no command; `RailwayCalls` answers.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from drillbook.platforms import railway_cli
from drillbook.platforms.railway_calls import RailwayCalls

_LONGEST_CALL = 8 * 1024 * 1024
# The address of a unix socket holds 107 bytes on Linux and 103 on macOS.
_LONGEST_PATH = 100


class RailwaySocket:
    """Takes the calls of one platform's CLI.

    Args:
        calls: answers them.
        workdir: where the socket is made if its path is short enough, else in a new temporary directory.
        failed: called with an exception that kept a call from being answered.
    """

    def __init__(self, calls: RailwayCalls, workdir: Path, failed: Callable[[BaseException], None]) -> None:
        self._calls = calls
        self._workdir = workdir.absolute()
        self._failed = failed
        self._own_directory: Path | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def path(self) -> Path:
        """Where the socket is or will be."""
        path = self._workdir / "railway.sock"
        if len(os.fsencode(path)) <= _LONGEST_PATH:
            return path
        if self._own_directory is None:
            self._own_directory = Path(tempfile.mkdtemp(prefix="drill-"))
        return self._own_directory / "railway.sock"

    async def start(self) -> None:
        """Take calls from now on.

        Raises:
            OSError: the socket can't be made.
        """
        self._server = await asyncio.start_unix_server(self._take, self.path, limit=_LONGEST_CALL)
        self.path.chmod(0o600)

    def install(self, bin_dir: Path) -> Path:
        """Write an executable `railway` into `bin_dir`, made if it is not there; its path."""
        bin_dir.mkdir(parents=True, exist_ok=True)
        words = (sys.executable, "-I", "-S", str(Path(railway_cli.__file__).resolve()), str(self.path))
        command = bin_dir / "railway"
        command.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        command.chmod(0o755)
        return command

    async def stop(self) -> None:
        """Take no more calls and abandon those under way; again does no harm."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if server is not None:
            self.path.unlink(missing_ok=True)
        if self._own_directory is not None:
            shutil.rmtree(self._own_directory, ignore_errors=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: what the call changes is carried to its end even if the caller goes away.
        task = asyncio.create_task(self._answer(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        await asyncio.wait({task})

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._failed(error)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            call = await _read_call(reader)
            if call is not None:
                answer = await self._calls.answer(*call)
                writer.write(json.dumps(answer.to_json()).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            return  # the caller was killed at its deadline: there is nobody to tell
        finally:
            writer.close()


async def _read_call(reader: asyncio.StreamReader) -> tuple[list[str], str | None] | None:
    """The arguments and standard input of a call; None for what is not a call, which gets no answer."""
    try:
        request = json.loads(await reader.readline())
        return [str(word) for word in request["argv"]], request["stdin"]
    except (ValueError, KeyError, TypeError):
        return None
