"""One container of a drill: made, started, watched until it ends, and removed.

It knows nothing of what runs in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from drillbook.backends.containers.dock import Dock
from drillbook.errors import StackError
from drillbook.protocols import Limits
from drillbook.waiting import until

_MB = 1_000_000
_PERIOD_US = 100_000
_LEAST_QUOTA_US = 1_000
_NO_LIMIT = 1 << 50
_SIGNALLED = 128
_END_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a container is made of.

    `files` are copied into it before it starts: a path in it, and bytes or a file of this machine, or a
    folder with the path's last name. `options` are docker-py's own.
    """

    image: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes | Path] = field(default_factory=dict)
    user: str = ""
    limits: Limits = field(default_factory=Limits)
    options: Mapping[str, Any] = field(default_factory=dict)


class Container:
    """A container that was started. It can be started again once it has ended; its files stay as they are."""

    def __init__(self, dock: Dock, part: str, made: Any) -> None:
        self.part = part
        self.pid = 0
        self._dock = dock
        self._made = made
        self._engine = made.get_wrapped_container()
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._watching: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, dock: Dock, part: str, recipe: Recipe) -> Container:
        """Make a container and start it.

        Raises:
            StackError: the engine refuses to.
        """
        container = cls(dock, part, await dock.call(f"start {part}", _start, dock, part, recipe))
        await container._began()
        return container

    async def start_again(self) -> None:
        """Start it again after its end.

        Raises:
            StackError: the engine refuses to.
        """
        await self._dock.call(f"start {self.part} again", self._engine.start)
        self._end = asyncio.get_running_loop().create_future()
        await self._began()

    async def _began(self) -> None:
        await self._dock.call(f"look at {self.part}", self._engine.reload)
        self.pid = int(self._engine.attrs["State"]["Pid"])
        self._watching = asyncio.create_task(self._watch(), name=f"end of {self.part}")

    async def _watch(self) -> None:
        """Note the exit code when there is one; negative for a signal, as for a process."""
        end = self._end
        try:
            said = await self._dock.call(
                f"wait for {self.part}", self._dock.client.api.wait, self._engine.id, timeout=None
            )
            code = int(said["StatusCode"])
        except StackError:
            code = -signal.SIGKILL  # it was removed
        if not end.done():
            end.set_result(_SIGNALLED - code if code > _SIGNALLED else code)

    @property
    def id(self) -> str:
        """The engine's id of it."""
        return str(self._engine.id)

    def address(self, network: str) -> str:
        """Its address on the network of that name; empty where it has none."""
        found = self._engine.attrs["NetworkSettings"]["Networks"].get(network) or {}
        return str(found.get("IPAddress") or "")

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        return self._end.result() if self._end.done() else None

    async def wait(self) -> int:
        """Its exit code, once it has ended; negative for a signal."""
        return await asyncio.shield(self._end)

    async def state(self) -> Mapping[str, Any]:
        """What the engine says of it, such as `OOMKilled` and `Paused`.

        Raises:
            StackError: the engine can't tell.
        """
        await self._dock.call(f"look at {self.part}", self._engine.reload)
        return dict(self._engine.attrs["State"])

    async def wait_until(self, ready: Callable[[], Awaitable[bool]], *, deadline_s: float, what: str) -> None:
        """Wait until `ready` says so.

        Raises:
            StackError: it ended first, or `deadline_s` passed; the message has the log's end.
        """

        async def ready_or_ended() -> bool:
            if self.exit_code is not None:
                raise StackError(f"{self.part} ended with exit code {self.exit_code}")
            return await ready()

        try:
            await until(ready_or_ended, deadline_s=deadline_s, what=f"{self.part} {what}")
        except StackError as error:
            raise StackError(f"{error.message}: {await self.tail()}") from error

    async def tail(self, lines: int = 3) -> str:
        """The last lines of what it wrote, on one line."""
        try:
            written = await self._dock.call(f"read the log of {self.part}", self._engine.logs, tail=lines)
        except StackError as error:
            return error.message
        return " | ".join(written.decode("utf-8", "replace").strip().splitlines())

    async def put(self, path: str, content: bytes) -> None:
        """Write a file in it.

        Raises:
            StackError: it can't be written.
        """
        await self._dock.call(f"write {path} in {self.part}", self._made.copy_into_container, content, path)

    async def run(self, *argv: str) -> str:
        """Run a program in it, as its superuser; what that wrote.

        Raises:
            StackError: it can't be run, or fails.
        """
        done = await self._dock.call(
            f"run {argv[0]} in {self.part}", self._engine.exec_run, list(argv), user="0"
        )
        text = str(done.output.decode("utf-8", "replace"))
        if done.exit_code != 0:
            raise StackError(f"{argv[0]} fails in {self.part}: {text.strip()[-300:]}")
        return text

    async def send(self, number: signal.Signals) -> None:
        """Send a signal to its first process; none where it has ended."""
        with contextlib.suppress(StackError):  # it has ended, or does so now
            await self._dock.call(f"signal {self.part}", self._engine.kill, signal=int(number))

    async def end(self, first: signal.Signals = signal.SIGTERM, *, grace_s: float = 2.0) -> None:
        """End everything in it: `first`, then SIGKILL after `grace_s`. Its files stay. Idempotent.

        Raises:
            StackError: it outlives SIGKILL.
        """
        if self.exit_code is None:
            await self.resume()
            await self.send(first)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), grace_s)
        if self.exit_code is None:
            await self.send(signal.SIGKILL)
            try:
                await asyncio.wait_for(self.wait(), _END_DEADLINE_S)
            except TimeoutError as error:
                raise StackError(f"{self.part} outlived SIGKILL") from error

    async def pause(self) -> None:
        """Freeze it where it is.

        Raises:
            StackError: it can't be frozen.
        """
        await self._dock.call(f"pause {self.part}", self._engine.pause)

    async def resume(self) -> None:
        """Let it go on; does no harm where it does."""
        with contextlib.suppress(StackError):  # it is not paused
            await self._dock.call(f"resume {self.part}", self._engine.unpause)

    async def set_limits(self, limits: Limits, before: Limits) -> None:
        """Hold it to other limits than `before` from now on.

        Raises:
            StackError: the kernel refuses, as where it uses more already.
        """
        update = self._dock.client.api.update_container
        words = _limited(limits) | _lifted(limits, before)
        if words:
            await self._dock.call(f"limit {self.part}", update, self._engine.id, **words)

    async def stats(self) -> Mapping[str, Any]:
        """What it uses now, as the engine counts.

        Raises:
            StackError: the engine can't tell.
        """
        return dict(
            await self._dock.call(f"measure {self.part}", self._engine.stats, stream=False, one_shot=True)
        )

    async def commit(self, repository: str, tag: str, changes: Sequence[str]) -> None:
        """Make an image of its files as they are now.

        Raises:
            StackError: the engine refuses to.
        """
        commit = self._engine.commit
        await self._dock.call(f"keep {self.part}", commit, repository, tag, changes=list(changes))

    def follow(self, take: Callable[[bytes], None]) -> Awaitable[None]:
        """Give what it writes to `take`, in the event loop, until it ends."""
        loop = asyncio.get_running_loop()

        def read() -> None:
            for data in self._engine.logs(stream=True, follow=True):
                loop.call_soon_threadsafe(take, data)

        return self._dock.call(f"follow the log of {self.part}", read)

    async def remove(self, log: Path | None = None) -> None:
        """End it by force and remove it with its files; what it wrote goes to the file `log`. Idempotent."""
        if log is not None:
            with contextlib.suppress(StackError):  # it is removed already, or never wrote
                written = await self._dock.call(f"read the log of {self.part}", self._engine.logs)
                await asyncio.to_thread(log.write_bytes, written)
        with contextlib.suppress(StackError):  # it is gone
            await self._dock.call(f"remove {self.part}", self._engine.remove, force=True, v=True)
        if self._watching is not None:
            await asyncio.wait([self._watching], timeout=_END_DEADLINE_S)


def _limited(limits: Limits) -> dict[str, Any]:
    """The engine's words for `limits`."""
    words: dict[str, Any] = {}
    if limits.memory_mb is not None:
        words["mem_limit"] = words["memswap_limit"] = int(limits.memory_mb * _MB)
    if limits.cpu is not None:
        words["cpu_period"] = _PERIOD_US
        words["cpu_quota"] = max(_LEAST_QUOTA_US, int(limits.cpu * _PERIOD_US))
    return words


def _lifted(limits: Limits, before: Limits) -> dict[str, Any]:
    """The engine's words for what `before` limits and `limits` does not."""
    words: dict[str, Any] = {}
    if limits.memory_mb is None and before.memory_mb is not None:
        words["mem_limit"] = words["memswap_limit"] = _NO_LIMIT  # it takes no word for none
    if limits.cpu is None and before.cpu is not None:
        words["cpu_quota"] = -1
    return words


def _start(dock: Dock, part: str, recipe: Recipe) -> Any:
    from testcontainers.core.config import testcontainers_config  # noqa: PLC0415  slow to import
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415
    from testcontainers.core.exceptions import ContainerStartException  # noqa: PLC0415

    testcontainers_config.ryuk_disabled = True  # our own watcher sees to what is left, and needs no image
    made = DockerContainer(recipe.image)
    # Whatever an image begins with, the command is what runs; the image may not even have `env`.
    program, *rest = recipe.command
    made.with_command(rest).with_envs(**recipe.environment)
    options: dict[str, Any] = {
        "labels": dock.labels,
        "entrypoint": [program],
        **_limited(recipe.limits),
        **recipe.options,
    }
    if recipe.user:
        options["user"] = recipe.user
    made.with_name(f"{dock.name}-{part}")
    made.ports.update(options.pop("ports", {}))
    made.with_kwargs(**options)
    for path, content in recipe.files.items():
        # A folder goes under its own name into the folder that is named there.
        folder = isinstance(content, Path) and content.is_dir()
        made.with_copy_into_container(content, str(PurePosixPath(path).parent) if folder else path)
    try:
        made.start()
    except BaseException:
        with contextlib.suppress(ContainerStartException):  # it was not even made
            made.get_wrapped_container().remove(force=True, v=True)
        raise
    return made
