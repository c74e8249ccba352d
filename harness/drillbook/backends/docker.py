"""The `docker` backend: the same stack as the local one, with each part in a container.

The worker stays on this machine; what it starts shares one network that has no way out. See `containers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook import library
from drillbook.app import OwnApp
from drillbook.backends import own_app
from drillbook.backends.containers.composed import (
    ComposedPostgres,
    ComposedRedis,
    argv_of,
    at,
    options_of,
)
from drillbook.backends.containers.container import Container, Recipe
from drillbook.backends.containers.dock import Dock
from drillbook.backends.containers.operator import HOME, TOOLS, ContainerShell
from drillbook.backends.containers.parts import ContainerPostgres, ContainerProvider, ContainerRedis
from drillbook.backends.containers.pod import LOOPBACK, Pod
from drillbook.backends.containers.ready import ready_image
from drillbook.backends.containers.replica import ContainerRunner, without_env
from drillbook.backends.local import LocalStack
from drillbook.composed import EDGE, POSTGRES_PORT, REDIS_PORT, ComposeStack
from drillbook.docker import engine, labels
from drillbook.errors import StackError
from drillbook.journal import Journal
from drillbook.protocols import Setup
from drillbook.signals.http import announce_sources
from drillbook.spec import ContainerSpec, DrillSpec, Ports
from drillbook.stack.guard import MARK
from drillbook.stack.postgres import Postgres, Programs
from drillbook.stack.provider import Provider
from drillbook.stack.redis import Redis

if TYPE_CHECKING:
    from docker import DockerClient

_APP = "/drill/app"
_SCRATCH = "/tmp"  # noqa: S108  the container's own
_STOP_DEADLINE_S = 20.0


class DockerStack(LocalStack):
    """The whole stack of one drill, in containers; see `protocols.Stack`."""

    announces = True

    def __init__(self, spec: DrillSpec, journal: Journal, setup: Setup | None = None) -> None:
        if spec.containers is None:
            raise StackError("the drill's spec names no images")
        run, _, drill = os.environ.get(MARK, "run/0").partition("/")
        self._images: ContainerSpec = spec.containers
        marks = labels.marks(run, drill or "0", owner=spec.containers.owner)
        self._dock = Dock(engine.connect(), marks, f"drillbook-{run}-{drill or 0}")
        self._compose = spec.own_app.compose if spec.own_app is not None else None
        if spec.own_app is not None and self._compose is not None:
            spec = replace(spec, own_app=_composed(spec.own_app, self._compose, self._dock.client))
            for secret in self._compose.secrets:
                journal.hide(secret)
        self._spec = spec
        published = (spec.ports.edge, self._images.gate_port, self._images.operator_port)
        self._pod = Pod(
            self._dock,
            self._images.app,
            (*published, spec.ports.postgres, spec.ports.redis, spec.ports.provider),
            calls=self._images.calls_port,
            log=Path(spec.logs) / "gate.log",
            scratch=Path(spec.scratch),
            inside=self._servers(spec.ports),
            names=self._compose.names if self._compose is not None else (),
        )
        self.shell: ContainerShell | None = None
        announce_sources()
        super().__init__(spec, journal, setup)

    def _servers(self, ports: Ports) -> dict[int, int]:
        """The servers' ports in the pod, by the published ones, where the app is told of others."""
        if self._compose is None:
            return {}
        return {ports.postgres: POSTGRES_PORT, ports.redis: REDIS_PORT}

    def _make_parts(self, spec: DrillSpec) -> tuple[Postgres, Redis, Provider]:
        app = library.scenarios_dir() / "app"
        self._runner = ContainerRunner(self._dock, self._pod, self._images.app, {_APP: self._staged})
        if spec.own_app is not None:
            self._runner = self._own_runner(spec.own_app)
        ready = ready_image(self._dock.client, self._images.postgres)
        faketime = Path(self._images.faketime) if self._images.faketime else None
        theirs = self._compose
        postgres: Callable[..., ContainerPostgres] = ContainerPostgres
        redis: Callable[..., ContainerRedis] = ContainerRedis
        if theirs is not None and theirs.database is not None:
            postgres = partial(ComposedPostgres, theirs.database)
        if theirs is not None and theirs.cache is not None:
            redis = partial(ComposedRedis, theirs.cache)
        database = postgres(
            dock=self._dock,
            pod=self._pod,
            ready=ready,
            programs=Programs(Path(self._images.bindir), faketime),
            copied=Path(self._images.copied) if self._images.copied else None,
            log=self._logs / "postgres.log",
            port=spec.ports.postgres,
            settings=self._setup.database,
        )
        cache = redis(
            dock=self._dock,
            pod=self._pod,
            image=self._images.redis,
            log=self._logs / "redis.log",
            port=spec.ports.redis,
            settings=self._setup.cache,
        )
        provider = ContainerProvider(
            self._dock,
            self._pod,
            self._images.app,
            app / "provider.py",
            log=self._logs / "provider.log",
            port=spec.ports.provider,
        )
        return database, cache, provider

    def _own_runner(self, own: OwnApp) -> ContainerRunner:
        """Who starts a team's app, as the user that its image or its compose file says."""
        if own.compose is None:
            return ContainerRunner(self._dock, self._pod, own.image, {}, user="")
        app, port = own.compose.app, own.compose.port
        options = options_of(app)
        return ContainerRunner(
            self._dock, self._pod, app.image, {}, user=app.user, port=port, options=options
        )

    def _serve_command(self) -> tuple[str, ...]:
        return ("python3", f"{_APP}/serve.py", "{release}", "--port", "{port}")

    async def _start_parts(self) -> None:
        if self._own is None:
            await asyncio.to_thread(self._stage)
        if self._compose is not None:
            await self._pod.start(self._journal)
        else:  # the servers are known, and need not wait for the gate
            await self._pod.begin()
        await asyncio.gather(super()._start_parts(), self._start_operator())

    @property
    def _staged(self) -> Path:
        """The shop's code on this machine, in one folder: each thing that is copied takes its time."""
        return self._scratch / "service" / Path(_APP).name

    def _stage(self) -> None:
        app = library.scenarios_dir() / "app"
        self._staged.mkdir(parents=True)
        shutil.copy2(app / "serve.py", self._staged)
        for name in ("shop", "releases"):  # what a customer or a flood does is no part of the service
            shutil.copytree(app / name, self._staged / name)

    async def _start_operator(self) -> None:
        if self._compose is None:
            await self._pod.until_closed(self._journal)
        self._pod.serve_calls(self.platform.calls_socket)
        await self._timed("operator", self._start_shell)

    async def _start_shell(self) -> None:
        port = self._images.operator_port
        image, tools = self._images.operator, tuple(self._spec.tools)
        self.shell = await ContainerShell.start(self._dock, self._pod, image, tools, port=port)

    def _values(self, own: OwnApp) -> dict[str, str]:
        database, cache, url = self.database.url("app"), self.cache.url(), self.url
        theirs = own.compose
        if theirs is not None:  # by the names that it has for them
            hosts = (theirs.database or theirs.cache, theirs.cache or theirs.database)
            names = [part.names[0] if part is not None else EDGE for part in hosts]
            database, cache = at(database, names[0], POSTGRES_PORT), at(cache, names[1], REDIS_PORT)
            url = at(url, EDGE, self._ports.edge)
        return own_app.values_of(own, database, cache, url=url, scratch=Path(_SCRATCH))

    def exports(self, role: str) -> dict[str, str]:
        """The URLs that an on-call shell can be given, as they are in the pod."""
        found = super().exports(role)
        if self._compose is not None:
            found["DATABASE_URL"] = at(found["DATABASE_URL"], LOOPBACK, POSTGRES_PORT)
            found["REDIS_URL"] = at(found["REDIS_URL"], LOOPBACK, REDIS_PORT)
        return found

    async def _prepare(self, own: OwnApp) -> None:
        await own_app.prepare_schema(own, self.database)
        options, user = self._pod.options, ""
        if own.compose is not None:
            for job in own.compose.jobs:
                argv = argv_of(self._dock.client, job)
                options = {**self._pod.app_options, **options_of(job)}
                recipe = Recipe(job.image, argv, job.environment, user=job.user, options=options)
                await self._run_once(job.name, recipe, own.boot_s)
            options, user = {**self._pod.app_options, **options_of(own.compose.app)}, own.compose.app.user
        for argv, environment in own_app.setup_of(own, self._values(own)):
            command, settings = without_env(argv)
            recipe = Recipe(own.image, command, {**environment, **settings}, user=user, options=options)
            await self._run_once("setup", recipe, own.boot_s)
        if isinstance(self.database, ComposedPostgres):
            await self.database.end_setup()

    async def _run_once(self, name: str, recipe: Recipe, deadline_s: float) -> None:
        """Run a container to its end, which has to be a good one."""
        container = await Container.start(self._dock, name, recipe)
        try:
            async with asyncio.timeout(deadline_s):
                code = await container.wait()
            if code != 0:
                raise StackError(f"the {name} ended with exit code {code}: {await container.tail()}")
        except TimeoutError as error:
            raise StackError(f"the {name} did not end within {deadline_s:g} s") from error
        finally:
            await container.remove(self._logs / f"{name}.log")

    def open_shell(self, given: Mapping[str, str]) -> ContainerShell:
        """The operator's shell, with `given` as its variables beside its own.

        Raises:
            StackError: the stack is not started.
        """
        if self.shell is None:
            raise StackError("the operator's container is not started")
        self.shell.environment = {"PATH": TOOLS, "HOME": HOME, "TMPDIR": HOME, **given}
        return self.shell

    async def stop(self) -> None:
        """End every part and remove every container and the network. Idempotent."""
        try:
            await super().stop()
        finally:
            if self.shell is not None:
                await self.shell.remove(self._logs / "operator.log")
            await self._pod.remove(self._journal)
            self._dock.close()
            with contextlib.suppress(OSError):
                self._dock.client.close()


def _composed(own: OwnApp, compose: ComposeStack, client: DockerClient) -> OwnApp:
    """`own` with the command line of its service, and the service's variables below those of the plan.

    A command of a release's or of the setup's takes the place of the service's, as with `docker compose run`.
    """

    def instead(command: tuple[str, ...]) -> tuple[str, ...]:
        return argv_of(client, replace(compose.app, command=command)) if command else ()

    return replace(
        own,
        command=argv_of(client, compose.app),
        environment={**compose.app.environment, **own.environment},
        releases=tuple(replace(each, command=instead(each.command)) for each in own.releases),
        setup=tuple(map(instead, own.setup)),
    )
