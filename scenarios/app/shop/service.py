"""The service's parts, put together: what a handler or a job works with. No HTTP here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from shop.cache import Cache, Sessions, connect
from shop.config import Settings
from shop.database import Database
from shop.log import logger
from shop.migration import migrate_when_possible
from shop.orders import Orders
from shop.products import Products
from shop.sms import SmsClient

_MIGRATE_S = 1.0
_END_OF_JOBS_S = 0.3


@dataclass(slots=True)
class Shop:
    """The parts of the service. A release may put others in their place."""

    settings: Settings
    database: Database
    cache: Cache
    sessions: Sessions
    sms: SmsClient
    products: Products
    orders: Orders


Job: TypeAlias = Callable[[Shop], Awaitable[None]]


def assemble(settings: Settings) -> Shop:
    """The parts as most releases have them; nothing connects yet."""
    database = Database(settings)
    cache = Cache(connect(settings.redis_url, settings.cache_database))
    sms = SmsClient(settings)
    return Shop(
        settings=settings,
        database=database,
        cache=cache,
        sessions=Sessions(connect(settings.redis_url, settings.session_database)),
        sms=sms,
        products=Products(database, cache),
        orders=Orders(database, cache, sms, sms_required=settings.sms_required),
    )


@asynccontextmanager
async def running(shop: Shop, jobs: Sequence[Job] = ()) -> AsyncIterator[Shop]:
    """The parts at work, and `jobs` beside them, until the block ends.

    Where the database is away, the block is entered all the same, and the tables are made once it is back.
    """
    async with AsyncExitStack() as ends:
        ends.push_async_callback(shop.cache.close)
        ends.push_async_callback(shop.sessions.close)
        ends.push_async_callback(shop.database.close)
        await shop.database.open()
        migration = asyncio.create_task(migrate_when_possible(shop.database), name="migration")
        ends.push_async_callback(_end, [migration])
        await asyncio.wait([migration], timeout=_MIGRATE_S)
        ends.push_async_callback(shop.sms.close)
        await shop.sms.open()
        tasks = [asyncio.create_task(_run(job, shop), name=job.__name__) for job in jobs]
        ends.push_async_callback(_end, tasks)
        yield shop


async def _run(job: Job, shop: Shop) -> None:
    try:
        await job(shop)
    except Exception:  # noqa: BLE001  the service goes on without a job that failed, and says so
        logger.exception("a job failed", extra={"data": {"job": job.__name__}})


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_END_OF_JOBS_S)
    for task in tasks:
        if task.done():
            with contextlib.suppress(asyncio.CancelledError):
                task.result()
