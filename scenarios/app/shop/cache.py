"""What the service keeps in Redis: its cache, and the customers' sessions.

Losing the cache costs time and no data; losing the sessions logs every customer out. So by default each has
its own database, and a FLUSHDB of the one leaves the other alone.
"""

from __future__ import annotations

import json
import secrets
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shop.log import logger

CACHE_TTL_S = 30
SESSION_TTL_S = 3600
_TIMEOUT_S = 0.3


def connect(url: str, database: int) -> Redis:
    """A client for the numbered database of the server at `url`; connects when first used."""
    return Redis.from_url(
        urlsplit(url)._replace(path=f"/{database}").geturl(),
        decode_responses=True,
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        # One more try, at once: for a connection that the server closed while it was not used.
        retry=Retry(NoBackoff(), 1),
    )


class Cache:
    """JSON values for a short time. While Redis is away, every look is a miss."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def get(self, key: str) -> Any:
        """The value at `key`, or None.

        Raises:
            ValueError: what is there is not JSON.
            redis.ResponseError: what is there is not a string.
        """
        try:
            text = await self._client.get(key)
        except (RedisConnectionError, RedisTimeoutError) as error:
            _warn("the cache can't be read", error)
            return None
        return None if text is None else json.loads(text)

    async def put(self, key: str, value: object) -> None:
        """Keep `value` at `key` for `CACHE_TTL_S` seconds, if Redis takes it."""
        try:
            await self._client.set(key, json.dumps(value), ex=CACHE_TTL_S)
        except RedisError as error:
            _warn("the cache can't be written", error)

    async def forget(self, key: str) -> None:
        """Drop what is at `key`; if Redis is away, it lapses by itself."""
        try:
            await self._client.delete(key)
        except RedisError as error:
            _warn("the cache can't be invalidated", error)

    async def ping(self) -> None:
        """Have Redis answer; raises what redis-py raises if it does not."""
        await self._client.ping()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class Sessions:
    """Who is logged in, by token."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def open(self, customer: str, *, ttl_s: int = SESSION_TTL_S) -> str:
        """A new session's token; the session ends after `ttl_s` seconds.

        Raises:
            redis.RedisError: Redis is away or full.
        """
        token = secrets.token_urlsafe(24)
        await self._client.set(f"session:{token}", json.dumps({"customer": customer}), ex=ttl_s)
        return token

    async def customer(self, token: str) -> str | None:
        """Whose session it is, or None if there is no such session.

        Raises:
            redis.RedisError: Redis is away.
        """
        text = await self._client.get(f"session:{token}")
        return None if text is None else str(json.loads(text)["customer"])

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _warn(message: str, error: Exception) -> None:
    logger.warning(message, extra={"data": {"reason": f"{type(error).__name__}: {error}"}})
