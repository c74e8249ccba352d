"""A compose project on the engine, and each of its services as one container."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from drillbook.errors import InputError, StackError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

OURS = "org.drillbook.compose"
"""On every container of Drillbook's own compose file."""

SERVICES = ("postgres", "redis", "provider", "app")
_USUAL = "drillbook"  # its name by the file
_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_ONEOFF = "com.docker.compose.oneoff"
_UP = "in drillbook's repository: docker compose up -d --wait"
_T = TypeVar("_T")


class Project:
    """A compose project that is up.

    Attributes:
        name: its name.
        known: whether it is the stack of Drillbook's own compose file.
    """

    def __init__(self, client: DockerClient, name: str) -> None:
        self.client = client
        self.name = name
        containers = _containers(client, name)
        if not containers:
            raise InputError(f"no compose project {name!r} is up on this engine", hint=_up(client))
        self.known = all(OURS in container.labels for container in containers)
        there = {container.labels.get(_SERVICE) for container in containers}
        lacking = [service for service in SERVICES if service not in there]
        if lacking:
            raise InputError(
                f"the compose project {name!r} has no service {', '.join(lacking)}",
                hint=f"drillbook breaks the services {', '.join(SERVICES)}, as in its own docker-compose.yml",
            )

    def service(self, name: str) -> Service:
        """One of its services."""
        return Service(self, name)

    @property
    def command(self) -> str:
        """How compose is called for it, in the folder of its file."""
        return "docker compose" if self.name == _USUAL else f"docker compose -p {self.name}"


def find_project(client: DockerClient, name: str | None) -> Project:
    """The project `name`; without one, the only one of Drillbook's own compose file.

    Raises:
        InputError: there is none, or several.
    """
    if name is not None:
        return Project(client, name)
    names = _own(client)
    if not names:
        raise InputError("no stack of drillbook's docker-compose.yml is up on this engine", hint=_UP)
    if len(names) > 1:
        raise InputError(f"several compose stacks are up: {', '.join(names)}", hint="name one with --project")
    return Project(client, names[0])


def _own(client: DockerClient) -> list[str]:
    """The names of the projects of our compose file that are up."""
    with _plainly("list containers"):
        ours = client.containers.list(filters={"label": [OURS, _PROJECT]})
    return sorted({container.labels[_PROJECT] for container in ours})


def _up(client: DockerClient) -> str:
    names = _own(client)
    return f"up: {', '.join(names)}" if names else _UP


def _containers(client: DockerClient, project: str, service: str | None = None) -> list[Container]:
    """Its containers, running or not."""
    labels = [f"{_PROJECT}={project}", f"{_ONEOFF}=False"]
    if service is not None:
        labels.append(f"{_SERVICE}={service}")
    with _plainly("list containers"):
        return list(client.containers.list(all=True, filters={"label": labels}))


@contextlib.contextmanager
def _plainly(what: str) -> Iterator[None]:
    """Turn what docker-py and the layers below it raise into an error of ours."""
    from docker.errors import DockerException  # noqa: PLC0415  an extra, and slow to import

    try:
        yield
    except (DockerException, OSError) as error:
        reason = getattr(error, "explanation", None) or error
        raise StackError(f"the engine can't {what}: {reason}") from error


class Service:
    """A service of a project: its container as it is now, since anybody may make it anew.

    What its methods do takes a call to the engine each, in milliseconds; those that change something run in a
    thread. Each raises StackError where the engine refuses.
    """

    def __init__(self, project: Project, name: str) -> None:
        self.name = name
        self._project = project

    @property
    def container(self) -> Container:
        """Its container.

        Raises:
            StackError: there is none, or more than one.
        """
        found = _containers(self._project.client, self._project.name, self.name)
        if len(found) != 1:
            raise StackError(f"the compose project has {len(found)} containers of {self.name}, and not one")
        return found[0]

    @property
    def state(self) -> Mapping[str, Any]:
        """What the engine says of its process."""
        return dict(self.container.attrs["State"])

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it was started with."""
        lines = self.container.attrs["Config"]["Env"] or ()
        return dict(line.partition("=")[::2] for line in lines)

    def variable(self, name: str) -> str:
        """The value of one of them.

        Raises:
            InputError: it is not there.
        """
        value = self.environment.get(name)
        if value is None:
            raise InputError(
                f"the service {self.name} of the project {self._project.name!r} has no variable {name}",
                hint="drillbook logs in by the variables that services have in its own docker-compose.yml",
            )
        return value

    def published(self, port: int) -> int:
        """The port of this machine's loopback under which its own `port` is reached.

        Raises:
            StackError: it publishes none.
        """
        bindings = self.container.attrs["HostConfig"].get("PortBindings") or {}
        live = self.container.attrs["NetworkSettings"].get("Ports") or {}
        for held in (live, bindings):  # while it is down, it has only those that it asked for
            for binding in held.get(f"{port}/tcp") or ():
                if binding["HostPort"] not in ("", "0"):
                    return int(binding["HostPort"])
        raise StackError(f"the service {self.name} publishes no port for its {port}")

    async def kill(self) -> None:
        """End it at once; it stays down. Does no harm where it is down."""
        if self.state["Paused"]:
            await self.resume()
        if self.state["Running"]:
            await self._do("kill", self.container.kill)

    async def start(self) -> None:
        """Start it where it is down."""
        if not self.state["Running"]:
            await self._do("start", self.container.start)

    async def pause(self) -> None:
        """Freeze it."""
        if self.state["Running"] and not self.state["Paused"]:
            await self._do("pause", self.container.pause)

    async def resume(self) -> None:
        """Let it go on, where it is frozen."""
        if self.state["Paused"]:
            await self._do("unpause", self.container.unpause)

    async def run(self, script: str) -> tuple[int, str]:
        """Run a shell script in it, as root: its exit code and what it said."""
        argv = ["sh", "-c", script]
        done = await self._do("run a command in", lambda: self.container.exec_run(argv, user="0"))
        output = done.output if isinstance(done.output, bytes) else b""
        return int(done.exit_code or 0), output.decode("utf-8", "replace")

    def tail(self, lines: int) -> list[str]:
        """The last lines of its log, oldest first."""
        with _plainly(f"read the log of {self.name}"):
            text: bytes = self.container.logs(tail=lines)
        return text.decode("utf-8", "replace").splitlines()

    async def _do(self, what: str, blocking: Callable[[], _T]) -> _T:
        with _plainly(f"{what} {self.name}"):
            return await asyncio.to_thread(blocking)
