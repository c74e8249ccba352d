"""The launcher: starts a drill's worker in a sandbox, or under guard, and sees to its end.

The worker's standard input is the control pipe: its end tells the worker to take the stack down, so that
it ends when this process does, whatever ends it. In a sandbox the kernel sees to it as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from drillbook.docker_host import DockerHost
from drillbook.errors import StackError
from drillbook.host import Host
from drillbook.model import to_json
from drillbook.spec import FILE, DrillSpec
from drillbook.stack import guard, sandbox

ABORT_GRACE_S = 10.0
_KILL_DEADLINE_S = 5.0
_GUARD_DEADLINE_S = 12.0
# What tells docker-py, and the ssh that it may go by, where the engine is.
_ENGINE = (
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
    *("SSH_AUTH_SOCK", "PATH", "HOME"),
)
_USERS = (
    "root:x:0:0:root:/root:/bin/sh\noncall:x:1000:1000:on call:/tmp/drill/home:/bin/bash\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
)


class Worker:
    """A running worker."""

    def __init__(self, process: asyncio.subprocess.Process, spec_file: Path, *, guarded: bool) -> None:
        self._process = process
        self._spec_file = spec_file
        self._guarded = guarded
        self._aborted = False

    @classmethod
    async def start(cls, spec: DrillSpec, host: Host | DockerHost, run_dir: Path, mark: str) -> Worker:
        """Start the worker for `spec`. To be called in the main thread, whose life its own is tied to.

        Raises:
            StackError: it can't be started.
        """
        logs = Path(spec.logs)
        spec_file = logs / FILE
        spec_file.touch(0o644 if host.sandboxed else 0o600)
        spec_file.write_text(json.dumps(to_json(spec)), "utf-8")
        argv = [sys.executable, "-m", "drillbook.worker", str(spec_file)]
        environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": spec.scratch, guard.MARK: mark}
        if spec.containers is not None:  # it has to find the same engine
            environment |= {name: os.environ[name] for name in _ENGINE if name in os.environ}
        if host.sandboxed:
            argv = _in_sandbox(argv, spec, host, run_dir, environment)
        else:
            argv = [sys.executable, "-m", "drillbook.stack.guard", spec.scratch, "--", *argv]
        with (logs / "worker.log").open("ab") as log:
            try:
                process = await asyncio.create_subprocess_exec(
                    *argv,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    env=environment,
                    cwd="/",
                    start_new_session=True,
                    limit=1 << 20,
                )
            except OSError as error:
                raise StackError(f"can't start the drill: {error.strerror}", path=argv[0]) from error
        return cls(process, spec_file, guarded=not host.sandboxed)

    async def wait(self, onlooker: Callable[[Mapping[str, Any]], None], *, deadline_s: float) -> int:
        """Pass what it tells to `onlooker` until it ends; its exit code. At the deadline it is ended.

        Raises:
            StackError: it had to be ended.
        """
        try:
            async with asyncio.timeout(deadline_s):
                return await self._relay(onlooker)
        except TimeoutError:
            await self.kill()
            raise StackError(f"the drill did not end within {deadline_s:g} s") from None
        except asyncio.CancelledError:
            await self.kill()
            raise
        finally:
            self._spec_file.unlink(missing_ok=True)  # an app's variables in it are in clear

    async def _relay(self, onlooker: Callable[[Mapping[str, Any]], None]) -> int:
        stream = self._process.stdout
        if stream is not None:
            async for line in stream:
                with contextlib.suppress(ValueError):  # whatever else is printed there is not for us
                    onlooker(json.loads(line))
        return await self._process.wait()

    async def abort(self, who: str) -> None:
        """Ask it to take the stack down; after a grace, end it."""
        if self._aborted or self._process.stdin is None:
            return
        self._aborted = True
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.write(f"abort {who}\n".encode())
            await self._process.stdin.drain()
        self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), ABORT_GRACE_S)
        await self.kill()

    async def kill(self) -> None:
        """End it and everything in it. Idempotent."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._guarded:  # the guard must live to end what it guards, and does so at its input's end
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _GUARD_DEADLINE_S)
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.wait_for(self._process.wait(), _KILL_DEADLINE_S)


def _in_sandbox(
    argv: list[str], spec: DrillSpec, host: Host | DockerHost, run_dir: Path, environment: Mapping[str, str]
) -> list[str]:
    passwd = Path(spec.logs) / "passwd"
    passwd.write_text(_USERS)
    readable = [*host.readable(), Path(spec.locustfile), *map(Path, spec.tools.values())]
    readable += [Path(place) for place in spec.own_app.reads] if spec.own_app is not None else []
    readable += [Path(spec.scenarios)] if spec.scenarios is not None else []
    return sandbox.command(
        argv,
        writable=[run_dir],
        readable=readable,
        environment=environment,
        files={"/etc/passwd": passwd},
    )
