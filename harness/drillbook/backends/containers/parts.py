"""The database, the cache and the provider in containers of a pod: the local stack's own parts, elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from drillbook.backends.containers.container import Container, Recipe
from drillbook.backends.containers.dock import Dock
from drillbook.backends.containers.pod import EVERYWHERE, Pod
from drillbook.backends.containers.ready import ROOT, Ready
from drillbook.errors import StackError
from drillbook.process import Program
from drillbook.stack.postgres import Postgres, Programs
from drillbook.stack.provider import Provider
from drillbook.stack.redis import Redis
from drillbook.stack.template import Template

_ONCALL = "1000"
_SHARED_MEMORY = "128m"
_REACH = {"listen_addresses": EVERYWHERE}


class ContainerPostgres(Postgres):
    """A PostgreSQL server in a container.

    Args:
        dock: the engine.
        pod: what it joins.
        ready: its image.
        programs: the server's programs, in that image.
        copied: a libfaketime of this machine, which is copied to where `programs` says, or None.
        log: takes what it wrote, at its end.
        port: its port in the pod, and on this machine's loopback.
        settings: settings beside a drill's usual ones.
    """

    def __init__(
        self,
        dock: Dock,
        pod: Pod,
        ready: Ready,
        programs: Programs,
        *,
        copied: Path | None,
        log: Path,
        port: int,
        settings: Mapping[str, str],
    ) -> None:
        template = Template(ROOT, dict(ready.passwords))
        super().__init__(
            template, programs, scratch=ROOT, log=log, port=port, settings={**_REACH, **settings}
        )
        self._dock = dock
        self._pod = pod
        self._image = ready.reference
        self._copied = copied
        self._container: Container | None = None

    @property
    def container(self) -> Container:
        """Its container.

        Raises:
            StackError: it was not started.
        """
        if self._container is None:
            raise StackError("the database is not started")
        return self._container

    @property
    def _bound_port(self) -> int:
        return self._pod.inside(self._port)

    async def _prepare(self) -> None:
        """Nothing: the data are in the image, below `ready.ROOT`."""

    async def _write_offset(self) -> None:
        if self._container is not None:
            clock, text = str(self._offset_file), f"+{self._offset_s:g}"
            script = 'printf "%s\\n" "$1" > "$2.new" && mv "$2.new" "$2"'
            await self._container.run("sh", "-c", script, "sh", text, clock)

    async def _launch(self, argv: Sequence[str]) -> Program:
        if self._container is None:
            recipe = Recipe(
                self._image,
                argv,
                environment=self._environment(),
                files=self._files(),
                user="postgres",
                options={**self._pod.options, "shm_size": _SHARED_MEMORY},
            )
            self._container = await Container.start(self._dock, "postgres", recipe)
        else:
            await self._container.start_again()
        return self._container

    def _files(self) -> dict[str, bytes | Path]:
        files: dict[str, bytes | Path] = {str(self._offset_file): f"+{self._offset_s:g}\n".encode()}
        if self._copied is not None:
            files[str(self._programs.faketime)] = self._copied
        return files

    async def stop(self) -> None:
        """End the server and remove its container. Idempotent."""
        if self._container is not None:
            await self._container.remove(self._log)

    async def kill(self) -> None:
        """End the server at once and leave it down; its data stay."""
        await super().stop()


class ContainerRedis(Redis):
    """A Redis server in a container.

    Args:
        dock: the engine.
        pod: what it joins.
        image: its image.
        log: takes what it wrote, at its end.
        port: its port in the pod, and on this machine's loopback.
        settings: settings beside a drill's usual ones.
        password: that of the clients' user; see `stack.redis.Redis`.
    """

    _bind = EVERYWHERE

    def __init__(
        self,
        dock: Dock,
        pod: Pod,
        image: str,
        *,
        log: Path,
        port: int,
        settings: Mapping[str, str],
        password: str | None = None,
    ) -> None:
        scratch = Path("/tmp")  # noqa: S108  the container's own
        super().__init__(
            Path("redis-server"), scratch=scratch, log=log, port=port, settings=settings, password=password
        )
        self._folder = Path("/tmp")  # noqa: S108  the container's own
        self._dock = dock
        self._pod = pod
        self._image = image
        self._text = ""
        self._container: Container | None = None

    @property
    def _bound_port(self) -> int:
        return self._pod.inside(self._port)

    def _configure(self, text: str) -> None:
        self._text = text

    async def _launch(self, argv: Sequence[str]) -> Program:
        if self._container is None:
            recipe = Recipe(
                self._image,
                argv,
                files={str(self._configuration): self._text.encode()},
                user=_ONCALL,
                options=self._pod.options,
            )
            self._container = await Container.start(self._dock, "redis", recipe)
        else:
            await self._container.start_again()
        return self._container

    async def stop(self) -> None:
        """End the server and remove its container. Idempotent."""
        self._stopped = True
        if self._container is not None:
            await self._container.remove(self._log)


class ContainerProvider(Provider):
    """The provider's stub in a container.

    Args:
        dock: the engine.
        pod: what it joins.
        image: its image.
        program: the stub's file on this machine.
        log: takes what it wrote, at its end.
        port: its port in the pod, and on this machine's loopback.
    """

    def __init__(self, dock: Dock, pod: Pod, image: str, program: Path, *, log: Path, port: int) -> None:
        super().__init__(program, log=log, port=port)
        self._dock = dock
        self._pod = pod
        self._image = image
        self._container: Container | None = None

    async def _launch(self) -> Program:
        if self._container is None:
            file = "/drill/provider.py"
            recipe = Recipe(
                self._image,
                ["python3", "-P", file, "--port", str(self._port), "--host", EVERYWHERE],
                environment={"PATH": os.defpath},
                files={file: self._program},
                user=_ONCALL,
                options=self._pod.options,
            )
            self._container = await Container.start(self._dock, "provider", recipe)
        else:
            await self._container.start_again()
        return self._container

    async def stop(self) -> None:
        """End it and remove its container. Idempotent."""
        if self._container is not None:
            await self._container.remove(self._log)
