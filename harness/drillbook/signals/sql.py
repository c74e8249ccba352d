"""The SQL probe: one statement on the database, past the app, as the scenario's own truth.

It never waits for an earlier look: each look has a connection to itself, kept for a later one. The server
ends a statement that is too slow, so that looks at a lock that is held do not pile up behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable

import psycopg

from drillbook.protocols import Connection, Observation

_MOST_IDLE = 4


class SqlProbe:
    """Runs `sql` and expects it to succeed.

    Args:
        sli: the SLI's name.
        connect: makes an autocommit connection.
        sql: the statement.
        deadline_s: how long a look may take, in seconds.
        slow_s: how long a good look may take, in seconds; the server ends the statement then.
    """

    def __init__(
        self,
        sli: str,
        connect: Callable[[], Awaitable[Connection]],
        sql: str,
        *,
        deadline_s: float = 1.0,
        slow_s: float = 0.5,
    ) -> None:
        self.sli = sli
        self.deadline_s = deadline_s
        self.slow_s = slow_s
        self._connect = connect
        self._sql = sql
        self._idle: list[Connection] = []
        self._running: set[asyncio.Task[Observation]] = set()
        self._closed = False

    async def observe(self) -> Observation:
        """Run the statement, on a new connection where the kept one turns out to be broken."""
        if self._idle:
            kept = self._idle.pop()
            seen = await self._run(kept)
            if seen.good or not kept.closed:
                return seen
        return await self._run(await self._open())

    async def close(self) -> None:
        """Close the connections that are kept, and wait for those in use to end."""
        self._closed = True
        if self._running:
            await asyncio.wait(self._running)
        while self._idle:
            await self._idle.pop().close()

    async def _open(self) -> Connection:
        connection = await self._connect()
        try:
            await connection.execute(f"SET statement_timeout = {int(self.slow_s * 1000)}".encode())
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _run(self, connection: Connection) -> Observation:
        running = asyncio.create_task(self._execute(connection))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            # Left to itself, psycopg would ask the server to cancel, for seconds where it does not answer.
            _hang_up(connection)
            raise

    async def _execute(self, connection: Connection) -> Observation:
        """Run the statement; `connection` is kept or closed afterwards, whatever happens."""
        try:
            await connection.execute(self._sql.encode())
        except psycopg.Error as error:
            return Observation(good=False, detail=str(error).strip().partition("\n")[0])
        finally:
            if connection.closed or self._closed or len(self._idle) >= _MOST_IDLE:
                await connection.close()
            else:
                self._idle.append(connection)
        return Observation(good=True)


def _hang_up(connection: Connection) -> None:
    """Break the line to the server: the statement that runs on it fails at once, on our side."""
    if connection.closed:
        return
    with socket.socket(fileno=os.dup(connection.fileno())) as line, contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)  # fails where the server has hung up already
