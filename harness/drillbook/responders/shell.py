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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

KEEP = 32_768  # of each stream, in bytes, half from its head and half from its tail
_REAP_DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that has ended. `exit_code` is None where it was killed at its deadline."""

    exit_code: int | None
    seconds: float
    stdout: str
    stderr: str
    timed_out: bool


class _Tail:
    """Keeps the head and the tail of a stream that may be long."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    async def read(self, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(65536):
            room = KEEP // 2 - len(self._head)
            self._head += data[:room]
            self._tail += data[max(room, 0) :]
            excess = len(self._tail) - KEEP // 2
            if excess > 0:
                del self._tail[:excess]
                self._dropped += excess

    def text(self) -> str:
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
        self.environment = environment
        self._folder = folder
        self._program = program

    async def run(self, command: str, *, deadline_s: float, stdin: str = "") -> Completed:
        """Run `command`, and end its whole process group when it ends or `deadline_s` passes."""
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            self._program,
            "-c",
            command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(self.environment),
            cwd=self._folder,
            start_new_session=True,
        )
        out, err = _Tail(), _Tail()
        timed_out = False
        try:
            async with asyncio.timeout(deadline_s):
                await self._feed_and_read(process, stdin, out, err)
        except TimeoutError:
            timed_out = True
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.wait_for(process.wait(), _REAP_DEADLINE_S)
        seconds = time.monotonic() - began
        code = None if timed_out else process.returncode
        return Completed(code, seconds, out.text(), err.text(), timed_out)

    async def _feed_and_read(
        self, process: asyncio.subprocess.Process, stdin: str, out: _Tail, err: _Tail
    ) -> None:
        assert process.stdin is not None  # noqa: S101  all three are pipes, see run()
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        reading = asyncio.gather(out.read(process.stdout), err.read(process.stderr))
        # A command that does not read its input is none of our business.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(stdin.encode())
            await process.stdin.drain()
        process.stdin.close()
        await process.wait()
        # What the command left in the background may hold its pipes open: it ends with the command.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await reading
