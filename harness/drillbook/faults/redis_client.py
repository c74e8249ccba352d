"""How a fault talks to the Redis of a stack: as its owner, whatever has befallen the service's user."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from drillbook.protocols import Stack

_TIMEOUT_S = 6.0  # some faults make everybody wait, and so do we


@asynccontextmanager
async def owner(stack: Stack, database: int = 0) -> AsyncIterator[Redis]:
    """A client of the numbered database, for as long as the block lasts. It tries nothing twice."""
    async with client(stack.cache.url(database, role="owner")) as redis:
        yield redis


@asynccontextmanager
async def client(url: str, *, timeout_s: float | None = _TIMEOUT_S) -> AsyncIterator[Redis]:
    """A client at `url` that waits `timeout_s` seconds for an answer, with None as long as it takes."""
    redis = Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout_s,
        socket_connect_timeout=_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        yield redis
    finally:
        await redis.aclose()
