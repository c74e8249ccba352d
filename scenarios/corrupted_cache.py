"""A corrupted cache: what is cached is not what its readers expect, or is not there when they need it.

The truth of this scenario is whether the product list can be read, of which each product page shows a part.
Its variants differ in where the bad value is, and in what brings it back.
"""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from drillbook.faults.bad_release import BadRelease
from drillbook.faults.corrupted_key import CorruptedKey
from drillbook.faults.corrupted_snapshot import CorruptedSnapshot
from drillbook.protocols import Fault, Probe, Scenario, Setup, Stack, Variant
from drillbook.signals.http import HttpProbe

KEY = "products"
HISTORY = ("r2026_11_1", "r2026_11_2", "r2026_11_15")
CUT_OFF = '[{"sku": "tea-001", "name": "Ass'
OTHER_DATABASE = 2
LINES = 500


def _probes(stack: Stack) -> Sequence[Probe]:
    return [HttpProbe("list", "GET", f"{stack.url}/products", deadline_s=0.5, slow_s=0.5)]


def _wrong_type(database: int = 0) -> Fault:
    return CorruptedKey("wrong-type", KEY, value="tea-001", kind="list", database=database)


async def _delete(stack: Stack, database: int = 0) -> None:
    async with Redis.from_url(stack.cache.url(database)) as redis:
        await redis.delete(KEY)


async def _delete_key(stack: Stack, _: Fault) -> None:
    await _delete(stack)


async def _delete_key_elsewhere(stack: Stack, _: Fault) -> None:
    await _delete(stack, OTHER_DATABASE)


async def _delete_and_save(stack: Stack, _: Fault) -> None:
    await _delete(stack)
    async with Redis.from_url(stack.cache.url()) as redis:
        await redis.save()


async def _roll_back(stack: Stack, _: Fault) -> None:
    await stack.platform.rollback()


async def _roll_back_and_delete(stack: Stack, _: Fault) -> None:
    await stack.platform.rollback()
    await _delete(stack)


async def _is_list(stack: Stack) -> str | None:
    async with Redis.from_url(stack.cache.url(), decode_responses=True) as redis:
        return f"{KEY} is a list" if await redis.type(KEY) == "list" else None


async def _pool_is_exhausted(stack: Stack) -> str | None:
    # Not by whether the list is cached, which now and then it is for a moment.
    refused = sum("Connection pool exhausted" in line for line in stack.platform.tail(LINES))
    return f"the pool was exhausted {refused} times in the last {LINES} lines of the log" if refused else None


SCENARIO = Scenario(
    name="corrupted-cache",
    title="Corrupted cache",
    severity="SEV2",
    section="Redis Issues",
    symptoms=(
        "product pages are answered with 5xx, while orders go on",
        "the log repeats one error of reading the cache",
        "PING is answered with PONG",
    ),
    probes=_probes,
    variants=(
        Variant(
            "wrong-type",
            "The key of the product list holds a Redis list, where the service expects a string.",
            _wrong_type,
            "Delete the key, or flush the cache's database.",
            _delete_key,
            Setup(releases=HISTORY),
        ),
        Variant(
            "bad-value",
            "The key of the product list holds JSON that was cut off.",
            lambda: CorruptedKey("bad-value", KEY, value=CUT_OFF),
            "Delete the key, or flush the cache's database.",
            _delete_key,
            Setup(releases=HISTORY),
        ),
        Variant(
            "other-database",
            "The bad value is in the Redis database that CACHE_DATABASE names, and not in that of REDIS_URL.",
            lambda: _wrong_type(OTHER_DATABASE),
            "Delete the key in the database that the service has its cache in.",
            _delete_key_elsewhere,
            Setup(releases=HISTORY, variables={"CACHE_DATABASE": str(OTHER_DATABASE)}),
        ),
        Variant(
            "shared-with-sessions",
            "The bad value is in a database that holds the customers' sessions as well.",
            _wrong_type,
            "Delete the one bad key, and nothing else.",
            _delete_key,
            Setup(releases=HISTORY, variables={"SESSION_DATABASE": "0"}, sessions_database=0),
        ),
        Variant(
            "rewritten-by-code",
            "A release writes the bad value again and again.",
            lambda: BadRelease("keeps-list-warm", "r2026_11_16", shows=_is_list),
            "Roll the release back, then delete the key.",
            _roll_back_and_delete,
            Setup(releases=HISTORY),
            needs=("shop releases",),
        ),
        Variant(
            "returns-after-restart",
            "The bad value is in the snapshot on disk too, from which a restart brings it back.",
            lambda: CorruptedSnapshot(CorruptedKey("in-the-snapshot", KEY, value=CUT_OFF)),
            "Delete the key and save a new snapshot.",
            _delete_and_save,
            Setup(releases=HISTORY, cache={"save": "3600 1"}),
        ),
        Variant(
            "stampede",
            "A release drops the cached list with each order, and every reader rebuilds it with 560 queries.",
            lambda: BadRelease("shows-sales", "r2026_11_17", shows=_pool_is_exhausted),
            "Roll the release back.",
            _roll_back,
            # A small pool, so that it is used up on a fast machine as well.
            Setup(releases=HISTORY, variables={"DB_POOL_SIZE": "4"}),
            needs=("shop releases",),
        ),
    ),
    needs=("shop keys",),
)
