"""Redis out of memory: it answers, and takes no writes.

The truth of this scenario is whether a customer can log in, which writes a session. The pages go on, without
their cache. Its variants differ in what uses the memory up.
"""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from drillbook.app import app_of
from drillbook.faults.filled_redis import FilledRedis
from drillbook.faults.memory_limit import MemoryLimit
from drillbook.faults.unread_subscriber import UnreadSubscriber
from drillbook.model import Json
from drillbook.protocols import Fault, Probe, Scenario, Setup, Stack, Variant
from drillbook.signals.http import HttpProbe
from drillbook.signals.parts import CacheProbe

PREFIX = "export:"
OTHER_DATABASE = 3
LIMIT = "16mb"
SMALL = Setup(cache={"maxmemory": LIMIT, "maxmemory-policy": "noeviction"})
# A team that raised the limit for its subscribers: by default the server drops one that does not read.
SMALL_WITH_SUBSCRIBERS = Setup(
    cache={**SMALL.cache, "client-output-buffer-limit": "pubsub 0 0 0"},
)


def _probes(stack: Stack) -> Sequence[Probe]:
    if not app_of(stack).is_shop:
        return [CacheProbe(stack)]
    login: dict[str, Json] = {"customer": "+4915100000"}
    return [HttpProbe("login", "POST", f"{stack.url}/login", body=login, deadline_s=0.5, slow_s=0.5)]


async def _delete_exports(stack: Stack, database: int) -> None:
    async with Redis.from_url(stack.cache.url(database)) as redis:
        async for key in redis.scan_iter(match=f"{PREFIX}*"):
            await redis.unlink(key)


async def _delete_here(stack: Stack, _: Fault) -> None:
    await _delete_exports(stack, 0)


async def _delete_elsewhere(stack: Stack, _: Fault) -> None:
    await _delete_exports(stack, OTHER_DATABASE)


async def _kill_fattest_client(stack: Stack, _: Fault) -> None:
    async with Redis.from_url(stack.cache.url(), decode_responses=True) as redis:
        fattest = max(await redis.client_list(), key=lambda client: int(client["omem"]))
        await redis.client_kill_filter(_id=fattest["id"])


async def _raise_limit(stack: Stack, _: Fault) -> None:
    async with Redis.from_url(stack.cache.url()) as redis:
        await redis.config_set("maxmemory", LIMIT)


SCENARIO = Scenario(
    name="redis-memory",
    title="Redis out of memory",
    severity="SEV2",
    section="Redis Issues",
    symptoms=(
        "customers can't log in, while pages and orders go on",
        "the log repeats that Redis refuses a command for want of memory",
        "PING is answered with PONG",
    ),
    probes=_probes,
    variants=(
        Variant(
            "noeviction-full",
            "Exports that nobody removed fill the database of the cache up to the limit.",
            lambda: FilledRedis("exports", prefix=PREFIX),
            "Delete the exports, or flush the cache's database.",
            _delete_here,
            SMALL,
        ),
        Variant(
            "other-database",
            "Exports that nobody removed fill another Redis database than that of REDIS_URL.",
            lambda: FilledRedis("exports", prefix=PREFIX, database=OTHER_DATABASE),
            "Find the database in INFO keyspace, and delete the exports in it.",
            _delete_elsewhere,
            SMALL,
        ),
        Variant(
            "output-buffer",
            "A subscriber does not read, and what is published for it fills the memory.",
            lambda: UnreadSubscriber("price-board", channel="prices"),
            "Find the client with the largest omem in CLIENT LIST, and kill it.",
            _kill_fattest_client,
            SMALL_WITH_SUBSCRIBERS,
        ),
        Variant(
            "limit-below-baseline",
            "The memory limit was set to 500 kB, which is less than an empty server needs.",
            lambda: MemoryLimit("unit-mistaken", "500kb"),
            "Raise maxmemory.",
            _raise_limit,
            SMALL,
        ),
    ),
    needs=("cache",),
)
