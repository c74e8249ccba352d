"""The faults of the external provider, on its real stub and a real platform."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.platforms.world import World

from drillbook.errors import FaultNotTaken, StackError
from drillbook.faults.provider_outage import DOWN, ProviderOutage
from drillbook.faults.rotated_key import RotatedKey
from drillbook.library import scenarios_dir
from drillbook.platforms.local import LocalPlatform
from drillbook.platforms.replica import free_port
from drillbook.protocols import Cache, Database, Stack
from drillbook.stack.provider import Provider

NEEDED = {"NEEDS_PROVIDER": "true", "KEY": "old"}


@dataclass
class ProviderAndPlatform:
    """A stack that has a provider and a platform."""

    provider: Provider
    platform: LocalPlatform
    url: str = ""

    @property
    def database(self) -> Database:
        raise AssertionError("these faults need no database")

    @property
    def cache(self) -> Cache:
        raise AssertionError("these faults need no cache")


@asynccontextmanager
async def stack(folder: Path) -> AsyncIterator[ProviderAndPlatform]:
    provider = Provider(
        scenarios_dir() / "app" / "provider.py", log=folder / "provider.log", port=free_port()
    )
    await provider.start()
    try:
        async with World(folder).started(environment=NEEDED) as platform:
            yield ProviderAndPlatform(provider, platform)
    finally:
        await provider.stop()


def needs(on: Stack) -> bool:
    return on.platform.current().variables.get("NEEDS_PROVIDER") == "true"


def with_stack(folder: Path, check: Callable[[ProviderAndPlatform], Awaitable[None]]) -> None:
    async def drill() -> None:
        async with stack(folder) as on:
            await check(on)

    asyncio.run(drill())


@pytest.mark.parametrize(
    ("mode", "evidence"),
    [("error-500", "the provider's mode is error-500"), ("hang", "is hang"), (DOWN, "does not answer")],
)
def test_an_outage_takes_and_ends_with_the_provider_or_with_the_need_for_it(
    tmp_path: Path, mode: str, evidence: str
) -> None:
    async def check(on: ProviderAndPlatform) -> None:
        fault = ProviderOutage("outage", mode, depends=needs)
        assert await fault.cause(on) is None
        with pytest.raises(FaultNotTaken):
            await fault.confirm(on)
        await fault.inject(on)
        assert evidence in await fault.confirm(on)
        await on.platform.restart()
        assert evidence in (await fault.cause(on) or ""), "a restart changes nothing"
        await on.platform.set_variables({"NEEDS_PROVIDER": "false"})
        assert await fault.cause(on) is None
        await on.platform.set_variables({"NEEDS_PROVIDER": "true"})
        assert await fault.cause(on) is not None
        await fault.heal(on)
        assert await fault.cause(on) is None
        await fault.heal(on)
        assert await on.provider.mode() == "ok"

    with_stack(tmp_path, check)


def test_a_rotated_key_is_refused_until_the_service_has_the_new_one(tmp_path: Path) -> None:
    async def check(on: ProviderAndPlatform) -> None:
        fault = RotatedKey("rotated", variable="KEY", key="new")
        with pytest.raises(FaultNotTaken):
            await fault.confirm(on)
        await fault.inject(on)
        assert await fault.confirm(on) == "the provider refuses the key that is in KEY"
        await on.platform.rollback()
        assert await fault.cause(on) is not None, "a rollback brings the old key"
        await on.platform.set_variables({"KEY": "new"})
        assert await fault.cause(on) is None
        await on.platform.set_variables({"KEY": "old"})
        await fault.heal(on)
        assert await fault.cause(on) is None

    with_stack(tmp_path, check)


def test_a_provider_that_is_down_is_an_error_and_comes_back_as_at_the_start(tmp_path: Path) -> None:
    async def check(on: ProviderAndPlatform) -> None:
        await on.provider.set_key("new")
        assert await on.provider.key() == "new"
        assert await on.provider.mode() == "ok", "setting the key leaves the mode"
        await on.provider.kill()
        for ask in (on.provider.mode, on.provider.key, on.provider.hits):
            with pytest.raises(StackError, match="does not answer"):
                await ask()
        await on.provider.revive()
        assert (await on.provider.mode(), await on.provider.key()) == ("ok", None)

    with_stack(tmp_path, check)
