"""A job that takes a lock, keeps it for a while, commits, and does so again and again."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg

from drillbook.app import app_of
from drillbook.errors import FaultNotTaken
from drillbook.faults.sessions import HeldSession, filled
from drillbook.protocols import Stack
from drillbook.waiting import until

_APPEAR_DEADLINE_S = 3.0


class RecurringLock:
    """Runs `statement` in one transaction after the other and holds what it locked for `hold_s` in each.

    So nobody waits forever, and nothing fails that waits long enough. The cause is gone with the session.

    Args:
        name: the fault's name, and the session's application name.
        statement: what takes the lock in the shop; of another app, what it says of itself is run.
        hold_s: how long it is kept each time, in seconds.
        pause_s: how long it is free in between, in seconds.
    """

    def __init__(self, name: str, statement: str, *, hold_s: float, pause_s: float) -> None:
        self.name = name
        self._statement = statement
        self._hold_s = hold_s
        self._pause_s = pause_s
        self._session: HeldSession | None = None
        self._running: asyncio.Task[None] | None = None

    async def inject(self, stack: Stack) -> None:
        """Start the job, and wait until it has the lock."""
        app = app_of(stack)
        self._statement = self._statement if app.is_shop else filled("{lock}", app)
        session = self._session = await HeldSession.open(stack, role="app", name=self.name)
        self._running = asyncio.create_task(self._run(session), name=self.name)

        async def holds() -> bool:
            seen = await session.state(stack)
            return seen is not None and bool(seen.locks)

        await until(holds, deadline_s=_APPEAR_DEADLINE_S, what=f"{self.name} holds a lock")

    async def _run(self, session: HeldSession) -> None:
        # That someone ends the session is the cure, not an error of the harness.
        with contextlib.suppress(psycopg.Error):
            while True:
                await session.connection.execute("BEGIN")
                await session.connection.execute(self._statement.encode())
                await asyncio.sleep(self._hold_s)  # holding the lock is the fault itself
                await session.connection.execute("COMMIT")
                await asyncio.sleep(self._pause_s)  # and so is its rhythm

    async def confirm(self, stack: Stack) -> str:
        """The job's session is there."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken(f"the session of {self.name} is gone")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """The job, for as long as its session lives."""
        seen = await self._session.state(stack) if self._session else None
        return f"it locks again and again: {seen}" if seen is not None else None

    async def heal(self, stack: Stack) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.close(stack)
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running], timeout=_APPEAR_DEADLINE_S)
