"""The SQL probe: one statement on the database, past the app, as the scenario's own truth.

It never waits for an earlier look: each look has a connection to itself, kept for a later one. A statement
that is too slow is cancelled, so that looks at a lock that is held do not pile up behind it. No timeout of
the server's own is used for that: under libfaketime its timer signals can crash it.
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
    """Runs `sql` and expects it to succeed, with a row at least where it is a query.

    Args:
        sli: the SLI's name.
        connect: makes an autocommit connection.
        sql: the statement.
        deadline_s: how long a look may take, in seconds.
        slow_s: how long a good look may take, in seconds; the statement is cancelled then.
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
        return await self._run(await self._connect())

    async def close(self) -> None:
        """Close the connections that are kept, and wait for those in use to end."""
        self._closed = True
        if self._running:
            await asyncio.wait(self._running)
        while self._idle:
            await self._idle.pop().close()

    async def _run(self, connection: Connection) -> Observation:
        """Run the statement; `connection` is kept or closed afterwards, whatever happens."""
        running = asyncio.create_task(self._execute(connection))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        try:
            await asyncio.wait([running], timeout=self.slow_s)
            in_time = running.done()
            if not in_time:
                with contextlib.suppress(psycopg.Error):  # it is bad by now, whatever the server says
                    await connection.cancel_safe(timeout=self.deadline_s)
            seen = await asyncio.shield(running)
        except asyncio.CancelledError:
            # Left to itself, psycopg would ask the server to cancel, for seconds where it does not answer.
            _hang_up(connection)
            running.add_done_callback(lambda _: connection.pgconn.finish())
            raise
        await self._keep(connection)
        return seen if in_time else Observation(good=False, detail=f"no answer within {self.slow_s:g} s")

    async def _execute(self, connection: Connection) -> Observation:
        try:
            cursor = await connection.execute(self._sql.encode())
        except psycopg.Error as error:
            return Observation(good=False, detail=str(error).strip().partition("\n")[0])
        if cursor.description is not None and cursor.rowcount == 0:
            return Observation(good=False, detail="the query found no row")
        return Observation(good=True)

    async def _keep(self, connection: Connection) -> None:
        if connection.closed or self._closed or len(self._idle) >= _MOST_IDLE:
            await connection.close()
        else:
            self._idle.append(connection)


def _hang_up(connection: Connection) -> None:
    """Break the line to the server: the statement that runs on it fails at once, on our side."""
    if connection.closed:
        return
    with socket.socket(fileno=os.dup(connection.fileno())) as line, contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)  # fails where the server has hung up already
