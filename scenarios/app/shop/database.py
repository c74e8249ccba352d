"""The service's connections to PostgreSQL: a bounded pool. It knows nothing of products and orders."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg_pool import AsyncConnectionPool

from shop.config import Settings

Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]

_CONNECT_TIMEOUT_S = 2
_RECONNECT_S = 1.0
_CLOSE_S = 0.5
_CANCEL_S = 1.0


class BoundedConnection(AsyncConnection[tuple[Any, ...]]):
    """A connection whose statements are bounded from here, and not by the server's `statement_timeout`.

    The bound so holds behind a pooler too, which knows nothing of a session's settings. `statement_timeout_s`
    is how long a statement may take, in seconds.
    """

    statement_timeout_s = 1.5

    async def execute(self, *arguments: Any, **options: Any) -> AsyncCursor[tuple[Any, ...]]:
        """As psycopg's; raises `psycopg.errors.QueryCanceled` for a statement that takes too long."""
        cancelling: list[asyncio.Task[None]] = []

        def give_up() -> None:
            cancelling.append(asyncio.create_task(self._cancel()))

        timer = asyncio.get_running_loop().call_later(self.statement_timeout_s, give_up)
        try:
            return await super().execute(*arguments, **options)
        finally:
            timer.cancel()
            if cancelling:  # or it might meet the next statement
                await asyncio.wait(cancelling)

    async def _cancel(self) -> None:
        # Where the server does not even take this, the statement ends with the connection.
        with contextlib.suppress(psycopg.Error):
            await self.cancel_safe(timeout=_CANCEL_S)


class Database:
    """A pool of connections that are lent out, as a rule one transaction at a time."""

    def __init__(self, settings: Settings) -> None:
        self._timeout_s = settings.pool_timeout_s

        async def bound(connection: BoundedConnection) -> None:
            connection.statement_timeout_s = settings.statement_timeout_ms / 1000

        self._pool: AsyncConnectionPool[BoundedConnection] = AsyncConnectionPool(
            settings.database_url,
            connection_class=BoundedConnection,
            configure=bound,
            min_size=min(2, settings.pool_size),
            max_size=settings.pool_size,
            timeout=settings.pool_timeout_s,
            # A request that comes after an outage starts a new attempt, so a long one is not worth it.
            reconnect_timeout=_RECONNECT_S,
            kwargs={"application_name": "orders", "connect_timeout": _CONNECT_TIMEOUT_S},
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
        connection = await self.lend(timeout_s=timeout_s)
        try:
            async with connection:  # ends the transaction; a pool's connection is not closed by it
                yield connection
        finally:
            await self.take_back(connection)

    async def lend(self, *, timeout_s: float | None = None) -> BoundedConnection:
        """A connection that answers, for as long as it is needed; whoever has it must `take_back` it.

        Those that were cut off while nobody used them are replaced at once: the pool can check as well, but
        pauses for up to a second after each connection that fails.

        Args:
            timeout_s: how long to wait for a free connection, in seconds.

        Raises:
            psycopg_pool.PoolTimeout: no connection was free in time.
        """
        end = time.monotonic() + (timeout_s or self._timeout_s)
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

    async def take_back(self, connection: BoundedConnection) -> None:
        """Put a connection that was lent back into the pool; a transaction left open in it is rolled back."""
        await self._pool.putconn(connection)

    async def ping(self, *, timeout_s: float) -> None:
        """Have the database answer; raises what psycopg raises if it does not."""
        async with self.transaction(timeout_s=timeout_s) as connection:
            await connection.execute("SELECT 1")
