"""What the tests of the platform share: a started platform, its CLI, and a look at its journal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from drillbook.events import PlatformChanged
from drillbook.journal import Journal, events, read
from drillbook.platforms.local import LocalPlatform
from drillbook.platforms.replica import free_port
from drillbook.platforms.service import Release, Service

APP = Path(__file__).with_name("app.py")


@dataclass(frozen=True)
class Ran:
    code: int
    stdout: str
    stderr: str


@dataclass
class World:
    """One test's directory and what lives in it. `options` go to the service, beside its environment."""

    directory: Path
    findings: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def cwd(self) -> Path:
        return self.directory / "cwd"

    @property
    def journal_path(self) -> Path:
        return self.directory / "journal.jsonl"

    def make(
        self,
        *releases: str,
        surface: str = "documented",
        environment: Mapping[str, str] | None = None,
        **options: Any,
    ) -> LocalPlatform:
        self.cwd.mkdir(exist_ok=True)
        self.port = free_port()
        command = (sys.executable, "-I", "-S", str(APP), "{release}", "{port}")
        service = Service("app", command, self.cwd, environment or {"COLOUR": "green"}, **options)
        return LocalPlatform(
            Journal(self.journal_path),
            service,
            [Release(name, f"Change of {name}") for name in releases],
            edge_port=self.port,
            workdir=self.directory,
            surface=surface,
            on_finding=lambda rule, message: self.findings.append((rule, message)),
        )

    @asynccontextmanager
    async def started(self, *releases: str, **options: Any) -> AsyncIterator[LocalPlatform]:
        platform = self.make(*(releases or ("v1", "v2")), **options)
        platform.install_cli(self.directory / "bin")
        await platform.start()
        try:
            yield platform
        finally:
            await platform.stop()

    def client(self) -> httpx.AsyncClient:
        # With `verify` each client would load the machine's certificates, slower than the request.
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=10.0, verify=False)

    async def seen(self) -> dict[str, Any]:
        """What the service says of itself through the edge."""
        async with self.client() as client:
            return dict((await client.get("/")).raise_for_status().json())

    async def get(self, path: str) -> int:
        """The status of one GET through the edge."""
        async with self.client() as client:
            return (await client.get(path)).status_code

    def changes(self) -> list[tuple[str, str]]:
        """What the journal says of the platform."""
        return [(event.change, event.detail) for _, event in events(read(self.journal_path), PlatformChanged)]

    async def railway(
        self, *argv: str, stdin: str | None = None, env: Mapping[str, str] | None = None
    ) -> Ran:
        process = await asyncio.create_subprocess_exec(
            str(self.directory / "bin" / "railway"),
            *argv,
            env={"PATH": "/usr/bin:/bin", "HOME": "/", **(env or {})},
            stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        given = None if stdin is None else stdin.encode()
        stdout, stderr = await asyncio.wait_for(process.communicate(given), 20)
        return Ran(process.returncode or 0, stdout.decode(), stderr.decode())


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str, deadline_s: float = 10.0) -> None:
    """Wait until `condition` holds; fail with `what` after `deadline_s`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + deadline_s
    while True:
        held = condition()
        if held if isinstance(held, bool) else await held:
            return
        assert loop.time() < deadline, f"not within {deadline_s:g} s: {what}"
        await asyncio.sleep(0.02)
