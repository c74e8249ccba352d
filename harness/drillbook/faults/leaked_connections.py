"""Another client's sessions that use up the server's connection slots, until nobody else gets one.

What its sessions do, as whom, and so whether they leave the superusers their reserve, make the variants.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import unquote, urlsplit

import psycopg

from drillbook.app import app_of
from drillbook.errors import FaultNotTaken, StackError
from drillbook.faults.sessions import filled
from drillbook.protocols import Connection, Stack

_FILL_DEADLINE_S = 15.0
_END_DEADLINE_S = 5.0
_PAUSE_S = 0.01
# For so long nobody but the client may get a slot; a login takes a tenth of it.
_FULL_S = 0.3
_COUNT = """
SELECT count(*), count(*) FILTER (WHERE state = %s),
       coalesce(min(extract(epoch FROM clock_timestamp() - state_change)), 0)::float8
  FROM pg_stat_activity WHERE application_name = %s
"""
_CUT_OFF = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND usename = %s AND application_name <> %s
"""
_END = "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE application_name = %s"


class LeakedConnections:
    """Opens session after session under one application name and gives none back.

    The connections that `cut_off` has are cut meanwhile, as by a network that fails for a moment: a pool
    that holds what it needs would not notice else. The client does not open anew what is ended.

    Args:
        name: the fault's name, and the sessions' application name.
        role: as whom the client logs in; a superuser uses up the superusers' reserve too.
        cut_off: the role whose connections are cut.
        statements: what each session runs before it goes idle.
        forever: a statement that each session runs then, and that does not return by itself.
        state: the state in which the server must show the sessions for the fault to have taken.
        age_s: how old they are on the server's clock when the drill goes on, in seconds. That takes a slot
            of the superusers' reserve.
    """

    def __init__(
        self,
        name: str,
        *,
        role: str = "reporting",
        cut_off: str = "app",
        statements: Sequence[str] = ("SELECT 1",),
        forever: str | None = None,
        state: str = "idle",
        age_s: float = 660.0,
    ) -> None:
        self.name = name
        self._role = role
        self._cut_off = cut_off
        self._statements = statements
        self._forever = forever
        self._state = state
        self._age_s = age_s
        self._watcher: Connection | None = None
        self._sessions: list[Connection] = []
        self._running: list[asyncio.Task[None]] = []

    async def inject(self, stack: Stack) -> None:
        """Take slots until nobody else gets one, and let the sessions grow old."""
        # Opened while there are slots: it must be able to look when there are none.
        self._watcher = await stack.database.connect(name="drillbook-fault")
        try:
            async with asyncio.timeout(_FILL_DEADLINE_S):
                await self._fill(stack, self._watcher)
        except TimeoutError:
            raise StackError(f"not within {_FILL_DEADLINE_S:g} s: {self.name} has every slot") from None
        if self._age_s:
            await stack.database.age(self._age_s)

    async def _fill(self, stack: Stack, watcher: Connection) -> None:
        clock = asyncio.get_running_loop()
        user = unquote(urlsplit(stack.database.url(self._cut_off)).username or "")
        full_since = clock.time()
        while clock.time() - full_since < _FULL_S:
            cursor = await watcher.execute(_CUT_OFF, (user, self.name))
            cut = cursor.rowcount > 0
            opened = await self._open(stack)
            if cut or opened:
                full_since = clock.time()
            else:
                await asyncio.sleep(_PAUSE_S)  # between two looks, within the caller's deadline

    async def _open(self, stack: Stack) -> bool:
        """Open one more session; whether there was a slot for it."""
        try:
            session = await stack.database.connect(self._role, name=self.name)
        except psycopg.OperationalError:
            return False
        self._sessions.append(session)
        for statement in self._statements:
            # One that fails on the server is part of what is wanted.
            with contextlib.suppress(psycopg.errors.DivisionByZero):
                await session.execute(filled(statement, app_of(stack)).encode())
        if self._forever is not None:
            self._running.append(asyncio.create_task(self._run(session, self._forever)))
        return True

    async def _run(self, session: Connection, statement: str) -> None:
        # That someone ends the session is a cure, not an error of the harness.
        with contextlib.suppress(psycopg.Error):
            await session.execute(statement.encode())

    async def confirm(self, stack: Stack) -> str:
        """Its sessions are there, in the wanted state and old enough, and the server refuses one more."""
        sessions, in_state, age_s = await self._count(stack)
        if not sessions or in_state < sessions or age_s < self._age_s:
            raise FaultNotTaken(
                f"{self.name} has {sessions} sessions, {in_state} of them {self._state}, {age_s:.0f} s old"
            )
        try:
            session = await stack.database.connect(self._role, name=self.name)
        except psycopg.OperationalError as error:
            refusal = str(error).strip().rpartition("FATAL:")[2].strip()
            return f"{self.name} has {sessions} sessions, {self._state}; one more is refused: {refusal}"
        await session.close()
        raise FaultNotTaken(f"{self.name} has {sessions} sessions, and there are slots left")

    async def cause(self, stack: Stack) -> str | None:
        """Its sessions, for as long as there are any."""
        sessions, in_state, _ = await self._count(stack)
        return f"{self.name} has {sessions} sessions, {in_state} of them {self._state}" if sessions else None

    async def heal(self, stack: Stack) -> None:
        """End its sessions on the server and on our side, as stopping the client does."""
        async with self._looking(stack) as watcher:
            await watcher.execute(_END, (self.name,))
        if self._running:
            await asyncio.wait(self._running, timeout=_END_DEADLINE_S)
        while self._sessions:
            await self._sessions.pop().close()
        if self._watcher is not None:
            await self._watcher.close()

    async def _count(self, stack: Stack) -> tuple[int, int, float]:
        """How many sessions it has, how many of them in the wanted state, and the age of the youngest."""
        async with self._looking(stack) as watcher:
            cursor = await watcher.execute(_COUNT, (self._state, self.name))
            row = await cursor.fetchone()
        return (row[0], row[1], row[2]) if row else (0, 0, 0.0)

    @asynccontextmanager
    async def _looking(self, stack: Stack) -> AsyncIterator[Connection]:
        """The watcher, or another connection where somebody has ended it."""
        if self._watcher is not None:
            with contextlib.suppress(psycopg.OperationalError):
                await self._watcher.execute("SELECT 1")
            if not self._watcher.closed:
                yield self._watcher
                return
        watcher = await stack.database.connect(name="drillbook-fault")
        try:
            yield watcher
        finally:
            await watcher.close()
