"""The `local` backend: embedded servers, the app and its platform as processes of the drill's sandbox.

It puts the parts together and names their ports; each part is its own business.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from drillbook import library
from drillbook.app import SHOP, App, OwnApp
from drillbook.backends import own_app
from drillbook.errors import InputError, StackError
from drillbook.events import PartChanged
from drillbook.journal import Journal
from drillbook.platforms.local import LocalPlatform
from drillbook.platforms.runner import LocalRunner, Runner
from drillbook.platforms.service import Release, Service
from drillbook.protocols import Setup
from drillbook.spec import DrillSpec
from drillbook.stack.postgres import Postgres, Programs
from drillbook.stack.provider import Provider
from drillbook.stack.redis import Redis
from drillbook.stack.template import load
from drillbook.traffic.flood import Flood

_HISTORY = ("r2026_11_1", "r2026_11_2")
# How long a flood lasts at most, beyond the time that a responder has.
_FLOOD_MARGIN_S = 90.0


class LocalStack:
    """The whole stack of one drill; see `protocols.Stack`.

    `announces` says that clients have to say where they come from; see `platforms.gate`.
    """

    announces = False

    def __init__(self, spec: DrillSpec, journal: Journal, setup: Setup | None = None) -> None:
        self._setup = setup or Setup()
        self._journal = journal
        self._ports = spec.ports
        self._logs = Path(spec.logs)
        self._scratch = Path(spec.scratch)
        self._runner: Runner = LocalRunner()
        self.database, self.cache, self.provider = self._make_parts(spec)
        for secret in (*self.database.secrets, *self.cache.secrets):
            journal.hide(secret)
        self._floods: list[Flood] = []
        self._flood_limit_s = spec.header.deadline_s + spec.header.watch_s + _FLOOD_MARGIN_S
        self._seed = spec.header.seed
        self._own = spec.own_app
        self.app: App = SHOP if spec.own_app is None else spec.own_app.app
        self.findings: list[tuple[str, str]] = []
        self.platform = self._make_platform(spec.header.surface, spec.header.strict)

    def _make_parts(self, spec: DrillSpec) -> tuple[Postgres, Redis, Provider]:
        template = load(Path(spec.template))
        if template is None:
            raise StackError("the ready data directory is gone", path=spec.template)
        faketime = Path(spec.programs.faketime) if spec.programs.faketime else None
        database = Postgres(
            template,
            Programs(Path(spec.programs.postgres).parent, faketime),
            scratch=self._scratch,
            log=self._logs / "postgres.log",
            port=spec.ports.postgres,
            owner=spec.owner,
            settings=self._setup.database,
        )
        cache = Redis(
            Path(spec.programs.redis),
            scratch=self._scratch,
            log=self._logs / "redis.log",
            port=spec.ports.redis,
            settings=self._setup.cache,
        )
        stub = library.scenarios_dir() / "app" / "provider.py"
        return database, cache, Provider(stub, log=self._logs / "provider.log", port=spec.ports.provider)

    def _serve_command(self) -> tuple[str, ...]:
        """How a replica of the shop is started."""
        serve = library.scenarios_dir() / "app" / "serve.py"
        return (sys.executable, str(serve), "{release}", "--port", "{port}")

    def _make_platform(self, surface: str, strict: bool) -> LocalPlatform:  # noqa: FBT001  internal
        if self._own is not None:
            return self._make_own_platform(self._own, surface, strict)
        service = Service(
            name="orders",
            command=self._serve_command(),
            cwd=self._scratch,
            environment={
                "DATABASE_URL": self.database.url("app"),
                "REDIS_URL": self.cache.url(),
                "SMS_API_URL": self.provider.url,
                "SMS_API_KEY": "drill",
                **self._setup.variables,
            },
            replicas=self._setup.replicas,
            health_checked=self._setup.health_checked,
            restart_limit=self._setup.restart_limit,
            limits=self._setup.limits,
        )
        history = self._setup.releases or _HISTORY
        return LocalPlatform(
            self._journal,
            service,
            [release(name) for name in history],
            edge_port=self._ports.edge,
            workdir=self._scratch / "platform",
            surface="railway-5.43.1" if strict else surface,
            on_finding=lambda rule, message: self.findings.append((rule, message)),
            release=release,
            runner=self._runner,
        )

    def _make_own_platform(self, own: OwnApp, surface: str, strict: bool) -> LocalPlatform:  # noqa: FBT001
        release = own_app.releases_of(own)
        return LocalPlatform(
            self._journal,
            own_app.service_of(own, self._values(own), self._setup),
            [release(each.name) for each in own.history],
            edge_port=self._ports.edge,
            workdir=self._scratch / "platform",
            surface="railway-5.43.1" if strict else surface,
            on_finding=lambda rule, message: self.findings.append((rule, message)),
            release=release,
            runner=self._runner,
        )

    def _values(self, own: OwnApp) -> dict[str, str]:
        scratch = self._scratch / "app"
        urls = self.database.url("app"), self.cache.url()
        return own_app.values_of(own, *urls, url=self.url, scratch=scratch)

    async def _prepare(self, own: OwnApp) -> None:
        (self._scratch / "app").mkdir()
        await own_app.prepare(own, self.database, self._values(own), self._logs / "setup.log")

    def exports(self, role: str) -> dict[str, str]:
        """The URLs that an on-call shell can be given, with `role` on the database."""
        return {"DATABASE_URL": self.database.url(role), "REDIS_URL": self.cache.url(), "APP_URL": self.url}

    @property
    def url(self) -> str:
        """Where customers reach the app."""
        return f"http://127.0.0.1:{self._ports.edge}"

    def flood(self, behaviour: str, *, network: str, users: int, rate_per_s: float) -> Flood:
        """Clients who are yet to come; see `protocols.Floodable`. They are sent away with the stack's end.

        Raises:
            InputError: the app has no such flood.
        """
        locustfile = library.scenarios_dir() / "app" / "floods" / f"{behaviour}.py"
        if not locustfile.is_file():
            raise InputError(f"the app has no flood {behaviour!r}", path=locustfile)
        flood = Flood(
            behaviour,
            self._journal,
            self.url,
            locustfile=locustfile,
            network=network,
            users=users,
            rate_per_s=rate_per_s,
            seed=self._seed,
            limit_s=self._flood_limit_s,
            log=self._logs / f"{behaviour}.log",
            announce=self.announces,
        )
        self._floods.append(flood)
        return flood

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
        await self._start_parts()
        if self._own is not None:
            own = self._own
            await self._timed("setup", lambda: self._prepare(own))
        await self._timed("app", self.platform.start)
        if self._own is not None:
            self.app = await own_app.with_table(self.app, self.database)

    async def _start_parts(self) -> None:
        await asyncio.gather(
            self._timed("postgres", self.database.start),
            self._timed("redis", self.cache.start),
            self._timed("provider", self.provider.start),
        )

    async def _timed(self, part: str, start: Callable[[], Awaitable[None]]) -> None:
        began = time.monotonic()
        await start()
        self._journal.write(PartChanged(part, "started", seconds=time.monotonic() - began))

    async def stop(self) -> None:
        """End every part, the app first. Idempotent; one part's failure keeps no other from its end.

        Raises:
            StackError: a part did not end.
        """
        parts = [flood.stop() for flood in self._floods]
        parts += [self.platform.stop(), self.database.stop(), self.cache.stop(), self.provider.stop()]
        failures = [e for e in await asyncio.gather(*parts, return_exceptions=True) if e is not None]
        if failures:
            raise StackError(f"a part of the stack did not end: {failures[0]}")


def release(name: str) -> Release:
    """The release of the app under drill with that name, with the message of its change.

    Raises:
        StackError: there is none.
    """
    file = library.scenarios_dir() / "app" / "releases" / f"{name}.py"
    try:
        first = file.read_text("utf-8").partition("\n")[0]
    except FileNotFoundError:
        raise StackError(f"the app has no release {name!r}", path=file) from None
    # A release's docstring begins with its number, then the change, then whether it is good, which nobody
    # who is on call gets to know.
    message = first.partition(": ")[2].partition(".")[0]
    return Release(name, message[:1].upper() + message[1:])
