"""A schema change that waits behind an idle reader, and makes every later reader wait behind itself."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg

from drillbook.app import app_of
from drillbook.errors import FaultNotTaken
from drillbook.faults.sessions import HeldSession, filled
from drillbook.protocols import Stack
from drillbook.waiting import until

_QUEUE_DEADLINE_S = 3.0


class QueuedSchemaChange:
    """Opens a transaction that only reads, and queues an ALTER TABLE behind it.

    Args:
        name: the fault's name, and the reader's application name.
        table: the table that is read and altered; `{table}` is the app's.
        age_s: how old the reader is on the server's clock when the drill goes on, in seconds.
    """

    def __init__(self, name: str, *, table: str = "{table}", age_s: float = 660.0) -> None:
        self.name = name
        self._table = table
        self._age_s = age_s
        self._reader: HeldSession | None = None
        self._change: HeldSession | None = None
        self._changing: asyncio.Task[None] | None = None

    async def inject(self, stack: Stack) -> None:
        """Read, go idle, grow old; then queue the change."""
        self._table = filled(self._table, app_of(stack))
        self._reader = await HeldSession.open(stack, role="reporting", name=self.name)
        await self._reader.run(["BEGIN", f"SELECT count(*) FROM {self._table}"])  # noqa: S608  a constant
        await stack.database.age(self._age_s)
        self._change = await HeldSession.open(stack, role="app", name="migration")
        self._changing = asyncio.create_task(self._alter(self._change))

        async def waits() -> bool:
            return await self._waits(stack)

        await until(waits, deadline_s=_QUEUE_DEADLINE_S, what="the schema change waits")

    async def _alter(self, change: HeldSession) -> None:
        # That someone ends the session is a cure, not an error of the harness.
        with contextlib.suppress(psycopg.Error):
            await change.connection.execute(f"ALTER TABLE {self._table} ADD COLUMN IF NOT EXISTS note text")

    async def _waits(self, stack: Stack) -> bool:
        if self._change is None:
            return False
        watcher = await stack.database.connect(name="drillbook-fault")
        try:
            cursor = await watcher.execute(
                "SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted", (self._change.pid,)
            )
            row = await cursor.fetchone()
        finally:
            await watcher.close()
        return bool(row and row[0])

    async def confirm(self, stack: Stack) -> str:
        """The reader is idle in transaction and old, and the change waits."""
        seen = await self._reader.state(stack) if self._reader else None
        if seen is None or seen.state != "idle in transaction" or seen.age_s < self._age_s:
            raise FaultNotTaken(f"the reader of {self.name} is {seen or 'gone'}")
        if not await self._waits(stack):
            raise FaultNotTaken("the schema change does not wait")
        return f"the schema change waits behind the reader, which is {seen}"

    async def cause(self, stack: Stack) -> str | None:
        """The change, for as long as it waits."""
        return "the schema change still waits" if await self._waits(stack) else None

    async def heal(self, stack: Stack) -> None:
        """End the reader, then the change."""
        for session in (self._reader, self._change):
            if session is not None:
                await session.close(stack)
        if self._changing is not None:
            await asyncio.wait_for(self._changing, _QUEUE_DEADLINE_S)
