"""The on-call shell: runs a command literally, as its reader would paste it, under a deadline.

A command sees only the drill's environment. At its deadline its whole process group is killed. What the
command's exit code means is not judged here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

KEEP = 32_768  # of each stream, in bytes, half from its head and half from its tail
_REAP_DEADLINE_S = 5.0
_READ_DEADLINE_S = 2.0  # a process that left the group may hold the pipe for ever


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that has ended. `exit_code` is None where it was killed at its deadline."""

    exit_code: int | None
    seconds: float
    stdout: str
    stderr: str
    timed_out: bool


class Shell(Protocol):
    """Where whoever is on call works. `environment` is all that a command sees."""

    environment: Mapping[str, str]

    async def run(self, command: str, *, deadline_s: float, stdin: str = "") -> Completed:
        """Run `command`, and end whatever it started when it ends or `deadline_s` passes."""


class _Stream:
    """A pipe for a command's output, of which the head and the tail are kept.

    The pipe is ours and not asyncio's, whose `wait` would wait for everyone who holds it open.
    """

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0
        self._writer = -1

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """The end to write to; what was written is read until the exit."""
        loop = asyncio.get_running_loop()
        source, self._writer = os.pipe()
        stream = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(source, "rb", buffering=0)
        )
        reading = asyncio.create_task(self._read(stream))
        try:
            yield self._writer
        finally:
            self.close_writer()
            await asyncio.wait([reading], timeout=_READ_DEADLINE_S)
            reading.cancel()
            transport.close()

    def close_writer(self) -> None:
        """Close our copy of the end to write to, so that the pipe ends with the command."""
        if self._writer >= 0:
            os.close(self._writer)
            self._writer = -1

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(65536):
            room = KEEP // 2 - len(self._head)
            self._head += data[: max(room, 0)]
            self._tail += data[max(room, 0) :]
            excess = len(self._tail) - KEEP // 2
            if excess > 0:
                del self._tail[:excess]
                self._dropped += excess

    def text(self) -> str:
        """What was kept."""
        cut = f"\n[... {self._dropped} bytes left out ...]\n".encode() if self._dropped else b""
        return (bytes(self._head) + cut + bytes(self._tail)).decode("utf-8", "replace")


class OperatorShell:
    """The shell of whoever is on call.

    Args:
        environment: all that a command sees.
        folder: where commands run.
        program: the shell; `-c` and the command follow.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, *, program: str = "bash") -> None:
        self.environment: Mapping[str, str] = environment
        self._folder = folder
        self._program = program

    async def run(self, command: str, *, deadline_s: float, stdin: str = "") -> Completed:
        """Run `command`, and end its whole process group when it ends or `deadline_s` passes."""
        began = time.monotonic()
        out, err = _Stream(), _Stream()
        timed_out = False
        async with out.open() as stdout, err.open() as stderr:
            process = await asyncio.create_subprocess_exec(
                self._program,
                "-c",
                command,
                stdin=asyncio.subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                env=dict(self.environment),
                cwd=self._folder,
                start_new_session=True,
            )
            out.close_writer()
            err.close_writer()
            try:
                async with asyncio.timeout(deadline_s):
                    await _feed(process, stdin)
                    await process.wait()
            except TimeoutError:
                timed_out = True
            finally:
                # What the command left in the background may hold its pipes open: it ends with the command.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await asyncio.wait_for(process.wait(), _REAP_DEADLINE_S)
        seconds = time.monotonic() - began
        code = None if timed_out else process.returncode
        return Completed(code, seconds, out.text(), err.text(), timed_out)


async def _feed(process: asyncio.subprocess.Process, text: str) -> None:
    if process.stdin is None:
        return
    # A command that does not read its input is none of our business.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(text.encode())
        await process.stdin.drain()
    process.stdin.close()
