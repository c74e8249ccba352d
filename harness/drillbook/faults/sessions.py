"""A session on the database that a fault holds open, and how the server sees it.

It is named by its process id *and* the moment it began, because a process id can be used again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from drillbook.app import App, app_of
from drillbook.errors import NO_TABLE, FaultNotTaken, NotApplicable
from drillbook.protocols import Connection, Stack

_STATE = """
SELECT state, coalesce(extract(epoch FROM clock_timestamp() - query_start), 0)::float8, left(query, 60),
       (SELECT count(*) FROM pg_locks l
         WHERE l.pid = a.pid AND granted
           AND (locktype = 'advisory' OR (locktype = 'relation' AND relation >= 16384)
                OR (locktype = 'transactionid' AND mode = 'ExclusiveLock')))
  FROM pg_stat_activity a WHERE pid = %s AND backend_start = %s
"""


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session as `pg_stat_activity` and `pg_locks` show it to a superuser.

    `age_s` is the age of its last query on the server's clock; `locks` counts what it holds of relations
    of users, advisory locks and its own transaction id.
    """

    state: str
    age_s: float
    query: str
    locks: int

    def __str__(self) -> str:
        return f"{self.state}, last query {self.age_s:.0f} s old, {self.locks} locks held: {self.query}"


class HeldSession:
    """A session that a fault opened and does not close."""

    def __init__(self, connection: Connection, app: App, pid: int, began: object) -> None:
        self.connection = connection
        self._app = app
        self.pid = pid
        self._began = began

    @classmethod
    async def open(cls, stack: Stack, *, role: str, name: str) -> HeldSession:
        """Log in as `role` under the application name `name`."""
        connection = await stack.database.connect(role, name=name)
        cursor = await connection.execute(
            "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        )
        row = await cursor.fetchone()
        if row is None:
            raise FaultNotTaken(f"the session {name} does not see itself")
        return cls(connection, app_of(stack), row[0], row[1])

    async def run(self, statements: Sequence[str]) -> None:
        """Run `statements` one by one; one that fails on the server is part of what is wanted.

        `{table}` and `{lock}` in them stand for the app's table, and for what takes a lock there.

        Raises:
            NotApplicable: they name the app's table, and it has none.
        """
        for statement in statements:
            with contextlib.suppress(psycopg.errors.DivisionByZero):
                await self.connection.execute(filled(statement, self._app).encode())

    async def state(self, stack: Stack) -> SessionState | None:
        """How the server sees it, or None where it is gone."""
        watcher = await stack.database.connect(name="drillbook-fault")
        try:
            cursor = await watcher.execute(_STATE, (self.pid, self._began))
            row = await cursor.fetchone()
        finally:
            await watcher.close()
        return SessionState(*row) if row else None

    async def close(self, stack: Stack) -> None:
        """End it on the server, if it is still there, and on our side."""
        watcher = await stack.database.connect(name="drillbook-fault")
        try:
            await watcher.execute(
                "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
                " WHERE pid = %s AND backend_start = %s",
                (self.pid, self._began),
            )
        finally:
            await watcher.close()
        await self.connection.close()


def filled(statement: str, app: App) -> str:
    """`statement` with `{table}` and `{lock}` filled in.

    Raises:
        NotApplicable: it has one of them, and the app has no table.
    """
    made = app.statement(statement)
    if made != statement and not app.table:
        raise NotApplicable(NO_TABLE)
    return made
