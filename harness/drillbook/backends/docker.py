"""The `docker` backend: the same stack as the local one, with each part in a container.

The worker stays on this machine; what it starts shares one network that has no way out. See `containers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from drillbook import library
from drillbook.app import OwnApp
from drillbook.backends import own_app
from drillbook.backends.containers.container import Container, Recipe
from drillbook.backends.containers.dock import Dock
from drillbook.backends.containers.operator import HOME, TOOLS, ContainerShell
from drillbook.backends.containers.parts import ContainerPostgres, ContainerProvider, ContainerRedis
from drillbook.backends.containers.pod import Pod
from drillbook.backends.containers.ready import ready_image
from drillbook.backends.containers.replica import ContainerRunner
from drillbook.backends.local import LocalStack
from drillbook.docker import engine, labels
from drillbook.errors import StackError
from drillbook.journal import Journal
from drillbook.protocols import Setup
from drillbook.signals.http import announce_sources
from drillbook.spec import ContainerSpec, DrillSpec
from drillbook.stack.guard import MARK
from drillbook.stack.postgres import Postgres, Programs
from drillbook.stack.provider import Provider
from drillbook.stack.redis import Redis

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
        self._spec = spec
        self._images: ContainerSpec = spec.containers
        marks = labels.marks(run, drill or "0", owner=spec.containers.owner)
        self._dock = Dock(engine.connect(), marks, f"drillbook-{run}-{drill or 0}")
        published = (spec.ports.edge, self._images.gate_port, self._images.operator_port)
        self._pod = Pod(
            self._dock,
            self._images.app,
            (*published, spec.ports.postgres, spec.ports.redis, spec.ports.provider),
            calls=self._images.calls_port,
            log=Path(spec.logs) / "gate.log",
        )
        self.shell: ContainerShell | None = None
        announce_sources()
        super().__init__(spec, journal, setup)

    def _make_parts(self, spec: DrillSpec) -> tuple[Postgres, Redis, Provider]:
        app = library.scenarios_dir() / "app"
        # Its folders one by one: what a customer or a flood does is no part of the service.
        files = {f"{_APP}/{name}": app / name for name in ("serve.py", "shop", "releases")}
        self._runner = ContainerRunner(self._dock, self._pod, self._images.app, dict(files))
        if spec.own_app is not None:  # as the user that its image says
            self._runner = ContainerRunner(self._dock, self._pod, spec.own_app.image, {}, user="")
        ready = ready_image(self._dock.client, self._images.postgres)
        faketime = Path(self._images.faketime) if self._images.faketime else None
        database = ContainerPostgres(
            self._dock,
            self._pod,
            ready,
            Programs(Path(self._images.bindir), faketime),
            copied=Path(self._images.copied) if self._images.copied else None,
            log=self._logs / "postgres.log",
            port=spec.ports.postgres,
            settings=self._setup.database,
        )
        cache = ContainerRedis(
            self._dock,
            self._pod,
            self._images.redis,
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

    def _serve_command(self) -> tuple[str, ...]:
        return ("python3", f"{_APP}/serve.py", "{release}", "--port", "{port}")

    async def _start_parts(self) -> None:
        await self._pod.start(self._journal)
        self._pod.serve_calls(self.platform.calls_socket)
        await asyncio.gather(super()._start_parts(), self._timed("operator", self._start_operator))

    async def _start_operator(self) -> None:
        port = self._images.operator_port
        image, tools = self._images.operator, tuple(self._spec.tools)
        self.shell = await ContainerShell.start(self._dock, self._pod, image, tools, port=port)

    def _values(self, own: OwnApp) -> dict[str, str]:
        return own_app.values_of(own, self.database, self.cache, url=self.url, scratch=Path(_SCRATCH))

    async def _prepare(self, own: OwnApp) -> None:
        await own_app.prepare_schema(own, self.database)
        for argv, environment in own_app.setup_of(own, self._values(own)):
            recipe = Recipe(own.image, argv, environment, options=self._pod.options)
            container = await Container.start(self._dock, "setup", recipe)
            try:
                async with asyncio.timeout(own.boot_s):
                    code = await container.wait()
                if code != 0:
                    raise StackError(f"the setup ended with exit code {code}: {await container.tail()}")
            except TimeoutError as error:
                raise StackError(f"the setup did not end within {own.boot_s:g} s") from error
            finally:
                await container.remove(self._logs / "setup.log")

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
