"""One container on a real engine: its life, its end, and its limits."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drillbook.backends.containers.container import Container, Recipe
from drillbook.backends.containers.dock import Dock
from drillbook.docker import labels
from drillbook.docker.watcher import left, remove
from drillbook.errors import StackError
from drillbook.protocols import Limits

if TYPE_CHECKING:
    from docker import DockerClient

    from drillbook.docker.recipe import Images

pytestmark = pytest.mark.docker
MARK = f"{os.getpid():016x}"
OPTIONS = {"network_mode": "none"}
SPIN = ["python3", "-c", "while True: pass"]


@asynccontextmanager
async def dock(client: DockerClient) -> AsyncIterator[Dock]:
    made = Dock(client, labels.marks(MARK, "1", owner="a test"), f"drillbook-test-{MARK}")
    try:
        yield made
    finally:
        await asyncio.to_thread(remove, client, MARK)
        made.close()


def test_what_is_copied_in_is_there_and_an_exit_code_is_a_processs(
    engine: DockerClient, engine_images: Images, tmp_path: Path
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "said.txt").write_text("from a folder\n")
    script = "cat /drill/file /drill/code/said.txt; exit 7"

    async def drill() -> None:
        async with dock(engine) as at:
            files: dict[str, bytes | Path] = {
                "/drill/file": b"from bytes\n",
                "/drill/code": tmp_path / "code",
            }
            recipe = Recipe(engine_images.app, ["sh", "-c", script], files=files, options=OPTIONS)
            container = await Container.start(at, "one", recipe)
            assert await asyncio.wait_for(container.wait(), 30) == 7
            assert await container.tail() == "from bytes | from a folder"
            await container.remove(tmp_path / "log")
            assert (tmp_path / "log").read_text() == "from bytes\nfrom a folder\n"
            assert left(engine, MARK) == []

    asyncio.run(drill())


def test_an_image_may_have_nothing_but_its_program(
    engine: DockerClient, engine_images: Images, tmp_path: Path
) -> None:
    text = f"FROM {engine_images.app} AS all\nFROM scratch\nCOPY --from=all /sbin/ldconfig /program\n"
    (tmp_path / "Dockerfile").write_text(text)
    image, _ = engine.images.build(path=str(tmp_path), rm=True, network_mode="none")

    async def run() -> None:
        async with dock(engine) as at:
            recipe = Recipe(str(image.id), ["/program", "--version"], options=OPTIONS)
            container = await Container.start(at, "one", recipe)
            assert await asyncio.wait_for(container.wait(), 30) == 0
            assert "ldconfig" in await container.tail(20)

    try:
        asyncio.run(run())
    finally:
        engine.images.remove(str(image.id))


def test_it_ends_by_force_where_it_does_not_heed_and_can_be_started_again(
    engine: DockerClient, engine_images: Images
) -> None:
    deaf = "trap '' TERM; date +%s%N >> /tmp/starts; while true; do sleep 0.05; done"

    async def drill() -> None:
        async with dock(engine) as at:
            recipe = Recipe(engine_images.app, ["bash", "-c", deaf], options=OPTIONS)
            container = await Container.start(at, "deaf", recipe)
            codes = [container.exit_code]
            await container.end(grace_s=0.3)
            codes.append(container.exit_code)
            await container.end()
            await container.start_again()
            codes.append(container.exit_code)
            assert codes == [None, -signal.SIGKILL, None]

            async def twice() -> bool:
                return len((await container.run("cat", "/tmp/starts")).splitlines()) == 2

            await container.wait_until(twice, deadline_s=10, what="has its files from before")
            with pytest.raises(StackError, match="no-such-file"):
                await container.run("cat", "/no-such-file")

    asyncio.run(drill())


def test_a_frozen_one_is_ended_too(engine: DockerClient, engine_images: Images) -> None:
    async def drill() -> None:
        async with dock(engine) as at:
            recipe = Recipe(engine_images.app, ["sleep", "300"], options=OPTIONS)
            container = await Container.start(at, "frozen", recipe)
            await container.pause()
            assert (await container.state())["Paused"]
            await container.end(grace_s=1.0)
            assert container.exit_code is not None

    asyncio.run(drill())


def test_the_kernel_kills_what_uses_too_much_memory_and_the_engine_says_so(
    engine: DockerClient, engine_images: Images
) -> None:
    eat = ["python3", "-c", "held = bytearray(200_000_000); held[::4096] = b'x' * len(held[::4096])"]

    async def drill() -> None:
        async with dock(engine) as at:
            recipe = Recipe(engine_images.app, eat, limits=Limits(memory_mb=40), options=OPTIONS)
            container = await Container.start(at, "greedy", recipe)
            assert await asyncio.wait_for(container.wait(), 30) == -signal.SIGKILL
            assert (await container.state())["OOMKilled"]

    asyncio.run(drill())


def test_a_limit_of_processor_time_is_set_and_lifted_while_it_runs(
    engine: DockerClient, engine_images: Images
) -> None:
    async def used_s(container: Container) -> float:
        return float((await container.stats())["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9

    async def share(container: Container, look: Callable[[Container], Awaitable[float]]) -> float:
        loop = asyncio.get_running_loop()
        before, began = await look(container), loop.time()
        await asyncio.sleep(3.0)  # a share can only be measured over a time
        return (await look(container) - before) / (loop.time() - began)

    async def drill() -> None:
        async with dock(engine) as at:
            recipe = Recipe(engine_images.app, SPIN, limits=Limits(cpu=0.1), options=OPTIONS)
            container = await Container.start(at, "busy", recipe)
            held = await share(container, used_s)
            await container.set_limits(Limits(), Limits(cpu=0.1))
            free = await share(container, used_s)
            assert held < 0.25, "a tenth of a processor; the engine counts once a second"
            assert free > held * 1.5

    asyncio.run(drill())


def test_what_the_engine_refuses_is_said_in_one_line(engine: DockerClient) -> None:
    async def drill() -> None:
        async with dock(engine) as at:
            with pytest.raises(StackError, match="can't start absent: ") as raised:
                await Container.start(at, "absent", Recipe("drillbook/no-such-image", ["true"]))
            assert "\n" not in raised.value.message

    asyncio.run(drill())
