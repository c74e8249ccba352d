"""The `local` backend: embedded servers, the app and its platform as processes of the drill's sandbox.

It puts the parts together and names their ports; each part is its own business.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from drillbook import library
from drillbook.errors import StackError
from drillbook.events import PartChanged
from drillbook.journal import Journal
from drillbook.platforms.local import LocalPlatform
from drillbook.platforms.service import Release, Service
from drillbook.process import Process, listens
from drillbook.spec import DrillSpec
from drillbook.stack.postgres import Postgres, Programs
from drillbook.stack.redis import Redis
from drillbook.stack.template import load

_PROVIDER_DEADLINE_S = 10.0
_RELEASES = (
    Release("r2026_11_1", "Show the price with its currency"),
    Release("r2026_11_2", "Look an order up by its number"),
)


class LocalStack:
    """The whole stack of one drill; see `protocols.Stack`."""

    def __init__(self, spec: DrillSpec, journal: Journal) -> None:
        self._journal = journal
        self._ports = spec.ports
        self._logs = Path(spec.logs)
        self._scratch = Path(spec.scratch)
        template = load(Path(spec.template))
        if template is None:
            raise StackError("the ready data directory is gone", path=spec.template)
        faketime = Path(spec.programs.faketime) if spec.programs.faketime else None
        self.database = Postgres(
            template,
            Programs(Path(spec.programs.postgres).parent, faketime),
            scratch=self._scratch,
            log=self._logs / "postgres.log",
            port=spec.ports.postgres,
            owner=spec.owner,
        )
        self.cache = Redis(
            Path(spec.programs.redis),
            scratch=self._scratch,
            log=self._logs / "redis.log",
            port=spec.ports.redis,
        )
        for secret in (*self.database.secrets, *self.cache.secrets):
            journal.hide(secret)
        self._provider: Process | None = None
        self.findings: list[tuple[str, str]] = []
        self.platform = self._make_platform(spec.header.surface, spec.header.strict)

    def _make_platform(self, surface: str, strict: bool) -> LocalPlatform:  # noqa: FBT001  internal
        app = library.scenarios_dir() / "app"
        command = (sys.executable, str(app / "serve.py"), "{release}", "--port", "{port}")
        service = Service(
            name="orders",
            command=command,
            cwd=self._scratch,
            environment={
                "DATABASE_URL": self.database.url("app"),
                "REDIS_URL": self.cache.url(),
                "SMS_API_URL": f"http://127.0.0.1:{self._ports.provider}",
                "SMS_API_KEY": "drill",
            },
        )
        return LocalPlatform(
            self._journal,
            service,
            _RELEASES,
            edge_port=self._ports.edge,
            workdir=self._scratch / "platform",
            surface="railway-5.43.1" if strict else surface,
            on_finding=lambda rule, message: self.findings.append((rule, message)),
        )

    @property
    def url(self) -> str:
        """Where customers reach the app."""
        return f"http://127.0.0.1:{self._ports.edge}"

    def take_findings(self) -> list[tuple[str, str]]:
        """What the platform came upon since the last call, each thing once."""
        taken = list(dict.fromkeys(self.findings))
        self.findings.clear()
        return taken

    async def start(self) -> None:
        """Start every part; return when the app serves.

        Raises:
            StackError: a part does not start.
        """
        self._scratch.mkdir(parents=True, exist_ok=True)
        # Its sockets are to be near, for their paths' sake; its logs are to outlive the drill.
        (self._scratch / "platform").mkdir()
        (self._scratch / "platform" / "logs").symlink_to(self._logs)
        await asyncio.gather(
            self._timed("postgres", self.database.start),
            self._timed("redis", self.cache.start),
            self._timed("provider", self._start_provider),
        )
        await self._timed("app", self.platform.start)

    async def _timed(self, part: str, start: Callable[[], Awaitable[None]]) -> None:
        began = time.monotonic()
        await start()
        self._journal.write(PartChanged(part, "started", seconds=time.monotonic() - began))

    async def _start_provider(self) -> None:
        stub = library.scenarios_dir() / "app" / "provider.py"
        argv = [sys.executable, str(stub), "--port", str(self._ports.provider)]
        log = self._logs / "provider.log"
        self._provider = await Process.start("provider", argv, log=log, env={"PATH": os.defpath})
        ready = listens(self._ports.provider)
        await self._provider.wait_until(ready, deadline_s=_PROVIDER_DEADLINE_S, what="listens")

    async def stop(self) -> None:
        """End every part, the app first. Idempotent; one part's failure keeps no other from its end.

        Raises:
            StackError: a part did not end.
        """
        parts = [self.platform.stop(), self.database.stop(), self.cache.stop()]
        if self._provider is not None:
            parts.append(self._provider.end())
        failures = [e for e in await asyncio.gather(*parts, return_exceptions=True) if e is not None]
        if failures:
            raise StackError(f"a part of the stack did not end: {failures[0]}")
