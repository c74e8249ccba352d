"""A transaction left open whose client keeps it alive with `SELECT 1`, so it never looks old by its query."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import psycopg

from drillbook.errors import FaultNotTaken
from drillbook.faults.sessions import HeldSession
from drillbook.protocols import Stack

_END_DEADLINE_S = 3.0


class KeepaliveTransaction:
    """Takes a lock, then runs `SELECT 1` in the same transaction every `every_s` seconds.

    Args:
        name: the fault's name, and the session's application name.
        statements: what takes the lock.
        every_s: the keepalive's interval, in seconds.
        age_s: how old the transaction is on the server's clock when the drill goes on, in seconds.
    """

    def __init__(
        self, name: str, statements: Sequence[str], *, every_s: float = 0.5, age_s: float = 660.0
    ) -> None:
        self.name = name
        self._statements = statements
        self._every_s = every_s
        self._age_s = age_s
        self._session: HeldSession | None = None
        self._beating: asyncio.Task[None] | None = None

    async def inject(self, stack: Stack) -> None:
        """Take the lock, let the transaction grow old, and keep it alive."""
        self._session = await HeldSession.open(stack, role="app", name=self.name)
        await self._session.run(self._statements)
        await stack.database.age(self._age_s)
        await self._session.connection.execute("SELECT 1")
        self._beating = asyncio.create_task(self._beat(self._session))

    async def _beat(self, session: HeldSession) -> None:
        # That someone ends the session is the cure, not an error of the harness.
        with contextlib.suppress(psycopg.Error):
            while True:
                await asyncio.sleep(self._every_s)  # the interval is the fault itself
                await session.connection.execute("SELECT 1")

    async def confirm(self, stack: Stack) -> str:
        """The session is idle in transaction, holds a lock, and its last query is young."""
        seen = await self._session.state(stack) if self._session else None
        if seen is None or not seen.locks or seen.age_s > self._age_s:
            raise FaultNotTaken(f"the session of {self.name} is {seen or 'gone'}")
        return f"transaction {self._age_s:.0f} s old; {seen}"

    async def cause(self, stack: Stack) -> str | None:
        """The session, for as long as it holds a lock."""
        seen = await self._session.state(stack) if self._session else None
        return str(seen) if seen is not None and seen.locks else None

    async def heal(self, stack: Stack) -> None:
        """Stop the keepalive and end the session."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating], timeout=_END_DEADLINE_S)
        if self._session is not None:
            await self._session.close(stack)
