"""A statement that goes on and on in a transaction that holds a lock, as a bad migration or report does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import psycopg

from drillbook.errors import FaultNotTaken
from drillbook.faults.sessions import HeldSession
from drillbook.protocols import Stack
from drillbook.waiting import until

_APPEAR_DEADLINE_S = 3.0


class ActiveStatement:
    """Runs `statements` in one session and then `forever`, which does not return by itself.

    Args:
        name: the fault's name, and the session's application name.
        statements: what takes the lock.
        forever: the statement that goes on.
        age_s: how old `forever` is on the server's clock when the drill goes on, in seconds.
    """

    def __init__(
        self,
        name: str,
        statements: Sequence[str],
        *,
        # Its end is on the server's clock, so it must outlast every jump of it.
        forever: str = "SELECT pg_sleep(864000)",
        age_s: float = 660.0,
    ) -> None:
        self.name = name
        self._statements = statements
        self._forever = forever
        self._age_s = age_s
        self._session: HeldSession | None = None
        self._running: asyncio.Task[None] | None = None

    async def inject(self, stack: Stack) -> None:
        """Take the lock, start the statement, and let it grow old."""
        session = await HeldSession.open(stack, role="app", name=self.name)
        self._session = session
        await session.run(self._statements)
        self._running = asyncio.create_task(self._run(session))

        async def active() -> bool:
            seen = await session.state(stack)
            return seen is not None and seen.state == "active"

        await until(active, deadline_s=_APPEAR_DEADLINE_S, what=f"the statement of {self.name} runs")
        await stack.database.age(self._age_s)

    async def _run(self, session: HeldSession) -> None:
        # That someone ends the session is the cure, not an error of the harness.
        with contextlib.suppress(psycopg.Error):
            await session.connection.execute(self._forever)

    async def confirm(self, stack: Stack) -> str:
        """The session is active, old, and holds a lock."""
        seen = await self._session.state(stack) if self._session else None
        if seen is None or seen.state != "active" or not seen.locks or seen.age_s < self._age_s:
            raise FaultNotTaken(f"the session of {self.name} is {seen or 'gone'}")
        return str(seen)

    async def cause(self, stack: Stack) -> str | None:
        """The session, for as long as it holds a lock."""
        seen = await self._session.state(stack) if self._session else None
        return str(seen) if seen is not None and seen.locks else None

    async def heal(self, stack: Stack) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.close(stack)
        if self._running is not None:
            await asyncio.wait_for(self._running, _APPEAR_DEADLINE_S)
