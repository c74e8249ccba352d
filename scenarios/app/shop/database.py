"""The service's connections to PostgreSQL: a bounded pool. It knows nothing of products and orders."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from shop.config import Settings

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]

_CONNECT_TIMEOUT_S = 2
_RECONNECT_S = 1.0
_CLOSE_S = 0.5


class Database:
    """A pool of connections that are lent out one transaction at a time."""

    def __init__(self, settings: Settings) -> None:
        self._timeout_s = settings.pool_timeout_s
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            settings.database_url,
            min_size=min(2, settings.pool_size),
            max_size=settings.pool_size,
            timeout=settings.pool_timeout_s,
            # A request that comes after an outage starts a new attempt, so a long one is not worth it.
            reconnect_timeout=_RECONNECT_S,
            kwargs={
                "application_name": "orders",
                "connect_timeout": _CONNECT_TIMEOUT_S,
                "options": f"-c statement_timeout={settings.statement_timeout_ms}",
            },
            open=False,
        )

    async def open(self) -> None:
        """Begin to fill the pool; does not wait for the database."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close the connections that are back, and each other one when it comes back."""
        await self._pool.close(timeout=_CLOSE_S)

    @asynccontextmanager
    async def transaction(self, *, timeout_s: float | None = None) -> AsyncIterator[Connection]:
        """A connection for one transaction: committed at the end, rolled back if the block raises.

        Args:
            timeout_s: how long to wait for a free connection, in seconds.

        Raises:
            psycopg_pool.PoolTimeout: no connection was free in time.
        """
        connection = await self._lend(timeout_s or self._timeout_s)
        try:
            async with connection:  # ends the transaction; a pool's connection is not closed by it
                yield connection
        finally:
            await self._pool.putconn(connection)

    async def _lend(self, timeout_s: float) -> Connection:
        """A connection that answers. Those that were cut off while nobody used them are replaced at once.

        The pool can check as well, but pauses for up to a second after each connection that fails.
        """
        end = time.monotonic() + timeout_s
        while True:
            connection = await self._pool.getconn(max(0.0, end - time.monotonic()))
            try:
                await self._pool.check_connection(connection)
            except psycopg.OperationalError:
                await self._pool.putconn(connection)  # which closes it
            except BaseException:
                await self._pool.putconn(connection)
                raise
            else:
                return connection

    async def ping(self, *, timeout_s: float) -> None:
        """Have the database answer; raises what psycopg raises if it does not."""
        async with self.transaction(timeout_s=timeout_s) as connection:
            await connection.execute("SELECT 1")
