"""The faults of Redis on a real server: each takes, stays, and is gone after its reference cure.

What a FLUSHDB does to each is tested with them. A fault by a release needs the whole stack; the functional
tests have it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis as Client
from redis.exceptions import RedisError

from drillbook.errors import FaultNotTaken, StackError
from drillbook.faults.bad_release import BadRelease
from drillbook.faults.corrupted_key import CorruptedKey
from drillbook.faults.corrupted_snapshot import CorruptedSnapshot
from drillbook.faults.filled_redis import FilledRedis
from drillbook.faults.memory_limit import MemoryLimit
from drillbook.faults.redis_client import owner
from drillbook.faults.rotated_password import new_url, new_variables
from drillbook.host import Host, make_ready
from drillbook.protocols import Stack, Variant
from drillbook.registry import scenario
from drillbook.stack.redis import Redis
from drillbook.waiting import until

CASES = [
    (name, variant)
    for name in ("corrupted-cache", "redis-memory", "redis-unavailable")
    for variant in scenario(name).variants
    if not isinstance(variant.fault(), BadRelease)
]
NAMED = pytest.mark.parametrize(
    ("name", "variant"), CASES, ids=[f"{name}/{variant.name}" for name, variant in CASES]
)
CURED_BY_FLUSHDB = {
    "corrupted-cache/wrong-type",
    "corrupted-cache/bad-value",
    "corrupted-cache/shared-with-sessions",
    "redis-memory/noeviction-full",
}
DEADLINE_S = 10.0


@dataclass
class Service:
    """Of a platform only the service's variables, and whether it stands still."""

    given: dict[str, str] = field(default_factory=dict)
    still: bool = False

    async def pause(self) -> None:
        self.still = True

    async def resume(self) -> None:
        self.still = False

    def variables(self) -> Mapping[str, str]:
        return self.given

    async def set_variables(self, values: Mapping[str, str]) -> None:
        self.given |= values


@dataclass
class RedisOnly:
    """A stack that has a Redis, and a service that is told where it is."""

    cache: Redis
    platform: Service = field(default_factory=Service)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """This machine without a sandbox, with a cache of the tests' own."""
    with ExitStack() as keep, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        return make_ready(sandboxed=False, jump_clock=False, keep=keep)


@asynccontextmanager
async def stack(
    host: Host, log: Path, settings: Mapping[str, str] | None = None, password: str | None = None
) -> AsyncIterator[Stack]:
    scratch = host.make_scratch()
    server = Redis(
        Path(host.programs.redis),
        scratch=scratch,
        log=log,
        port=host.ports().redis,
        settings=settings,
        password=password,
    )
    try:
        await server.start()
        yield cast("Stack", RedisOnly(server, Service({"REDIS_URL": server.url()})))
    finally:
        await server.stop()
        shutil.rmtree(scratch)


async def is_good(on: Stack, name: str, variant: Variant) -> bool:
    """What the service would find: a list that can be read, or a session that can be written."""
    url = on.platform.variables()["REDIS_URL"]
    if name == "corrupted-cache":
        url = url.removesuffix("/0") + "/" + variant.setup.variables.get("CACHE_DATABASE", "0")
    try:
        async with Client.from_url(url, socket_timeout=1) as client:
            if name == "corrupted-cache":
                json.loads(await client.get("products") or "[]")
            else:
                await client.set("session:1", "x" * 100)
    except (RedisError, ValueError):
        return False
    return True


async def flush(on: Stack) -> None:
    """FLUSHDB with the URL that an operator has, and what it answers left to see for nobody."""
    try:
        async with Client.from_url(on.cache.url(), socket_timeout=1) as client:
            await client.flushdb()
    except RedisError:
        return


@NAMED
def test_a_fault_takes_stays_and_is_cured_by_its_reference_cure(
    host: Host, tmp_path: Path, name: str, variant: Variant
) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log", variant.setup.cache) as on:
            assert await is_good(on, name, variant), "good before the fault"
            fault = variant.fault()
            await fault.inject(on)
            assert await fault.confirm(on)
            assert not await is_good(on, name, variant), "bad under it"
            assert await fault.cause(on) is not None
            assert not await is_good(on, name, variant), "still bad after doing nothing"
            await variant.reference_cure(on, fault)

            async def gone() -> bool:
                try:
                    return await fault.cause(on) is None
                except RedisError:
                    return False  # while the host restarts the server

            await until(gone, deadline_s=DEADLINE_S, what="the cause is gone")
            assert await is_good(on, name, variant), "good after the cure"
            await fault.heal(on)  # once more does no harm
            assert await is_good(on, name, variant)

    asyncio.run(check())


@NAMED
def test_a_fault_heals_what_it_did(host: Host, tmp_path: Path, name: str, variant: Variant) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log", variant.setup.cache) as on:
            fault = variant.fault()
            await fault.inject(on)
            await fault.heal(on)
            assert await fault.cause(on) is None
            assert await is_good(on, name, variant)

    asyncio.run(check())


@NAMED
def test_what_flushdb_cures_is_what_is_known_of_it(
    host: Host, tmp_path: Path, name: str, variant: Variant
) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log", variant.setup.cache) as on:
            fault = variant.fault()
            await fault.inject(on)
            await flush(on)
            if isinstance(fault, CorruptedSnapshot):
                await back_from_the_snapshot(on)
            cured = f"{name}/{variant.name}" in CURED_BY_FLUSHDB
            assert await is_good(on, name, variant) is cured
            assert (await fault.cause(on) is None) is cured
            await fault.heal(on)

    asyncio.run(check())


async def back_from_the_snapshot(on: Stack) -> None:
    async def back() -> bool:
        try:
            async with owner(on) as redis:
                return bool(await redis.exists("products"))
        except RedisError:
            return False  # while the host restarts the server

    await until(back, deadline_s=DEADLINE_S, what="the restart brings the bad value back")


def test_what_a_fault_finds_overwritten_by_others_is_not_its_cause(host: Host, tmp_path: Path) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            fault = CorruptedKey("bad", "products", value="{")
            await fault.inject(on)
            async with owner(on) as redis:
                await redis.set("products", "[]")
                assert await fault.cause(on) is None
                await fault.heal(on)
                assert await redis.get("products") == "[]", "not deleted with the bad value gone"

    asyncio.run(check())


def test_without_a_limit_nothing_is_full(host: Host, tmp_path: Path) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            fault = FilledRedis("exports", prefix="export:")
            await fault.inject(on)
            with pytest.raises(FaultNotTaken, match="and no limit"):
                await fault.confirm(on)

    asyncio.run(check())


def test_a_limit_that_leaves_room_has_not_taken(host: Host, tmp_path: Path) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            fault = MemoryLimit("roomy", "64mb")
            await fault.inject(on)
            with pytest.raises(FaultNotTaken, match="has room"):
                await fault.confirm(on)

    asyncio.run(check())


def test_a_key_of_a_type_that_nobody_writes_is_refused() -> None:
    with pytest.raises(ValueError, match="'hash' is none of"):
        CorruptedKey("bad", "products", value="{", kind="hash")


def test_evicting_or_more_room_is_a_right_cure_of_full_memory_too(host: Host, tmp_path: Path) -> None:
    async def cured_by(setting: str, value: str, number: int) -> bool:
        limits = {"maxmemory": "8mb", "maxmemory-policy": "noeviction"}
        async with stack(host, tmp_path / f"log{number}", limits) as on:
            fault = FilledRedis("exports", prefix="export:", database=3)
            await fault.inject(on)
            await fault.confirm(on)
            async with owner(on) as redis:
                await redis.config_set(setting, value)
                await redis.set("session:1", "x")
            return await fault.cause(on) is None

    async def check() -> None:
        assert await cured_by("maxmemory", "64mb", 1)
        assert await cured_by("maxmemory-policy", "allkeys-lru", 2)

    asyncio.run(check())


def test_setting_the_password_back_is_a_right_cure_of_a_rotation_too(host: Host, tmp_path: Path) -> None:
    async def check() -> None:
        variant = next(v for n, v in CASES if v.name == "auth-rotated")
        async with stack(host, tmp_path / "log") as on:
            fault = variant.fault()
            await fault.inject(on)
            async with Client.from_url(new_url(on)) as redis:
                await redis.config_set("requirepass", urlsplit(on.cache.url()).password or "")
            assert await fault.cause(on) is None
            assert await is_good(on, "redis-unavailable", variant)

    asyncio.run(check())


@pytest.mark.parametrize("password", ["", 'a "word" with: @ and %'])
def test_a_rotation_is_felt_and_cured_whatever_the_password_was_before(
    host: Host, tmp_path: Path, password: str
) -> None:
    async def check() -> None:
        variant = next(v for n, v in CASES if v.name == "auth-rotated")
        async with stack(host, tmp_path / "log", password=password) as on:
            assert ("@" in on.cache.url()) is bool(password)
            # The service may have another name for the server, and be told more than its URL.
            url = on.cache.url().replace("127.0.0.1", "cache")
            given = {"REDIS_URL": url, "REDIS_PASSWORD": password, "SCHEME": "redis"}
            cast("Service", on.platform).given = dict(given)
            fault = variant.fault()
            await fault.inject(on)
            assert "is refused" in await fault.confirm(on)
            await on.platform.set_variables(new_variables(on))
            assert await fault.cause(on) is None
            told = on.platform.variables()
            assert urlsplit(told["REDIS_URL"]).hostname == "cache"
            assert told["SCHEME"] == "redis"
            assert told["REDIS_PASSWORD"] == (on.cache.spare_password if password else "")

    asyncio.run(check())


def test_a_server_that_was_stopped_for_good_is_not_revived(host: Host, tmp_path: Path) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            await cast("Redis", on.cache).stop()
            with pytest.raises(StackError, match="stopped for good"):
                await on.cache.revive()

    asyncio.run(check())
