"""The invariants: what no cure may harm, noted before the fault and looked at again at the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from functools import partial

import psycopg
from redis.asyncio import Redis

from drillbook.app import OwnInvariant, app_of
from drillbook.errors import StackError
from drillbook.events import InvariantChecked
from drillbook.protocols import Connection, Stack

# Ordinary keys that are no cache.
_PLANTED = tuple(f"receipt:{number}" for number in range(1, 6))
_LOOK_DEADLINE_S = 5.0
_EXCUSE_DEADLINE_S = 0.5


class Invariants:
    """Writes, keys and sessions of a stack that are to outlive the drill.

    Args:
        stack: the stack under drill.
        acknowledged: the ids of the orders that the app has confirmed so far.
        keys_database: the Redis database in which the app keeps its sessions, where keys are planted.
        own: what else a team wants kept.
    """

    def __init__(
        self,
        stack: Stack,
        acknowledged: Callable[[], Sequence[str]],
        *,
        keys_database: int = 1,
        own: Sequence[OwnInvariant] = (),
    ) -> None:
        self._own = own
        self._numbers: dict[str, float] = {}
        self._keys_database = keys_database
        self._stack = stack
        self._acknowledged = acknowledged
        self._sessions: list[Connection] = []
        self._identities: dict[str, tuple[int, object]] = {}
        self._report: asyncio.Task[None] | None = None

    async def note(self) -> None:
        """Take the baseline: plant keys, and open sessions that nobody has a reason to kill."""
        async with Redis.from_url(self._stack.cache.url(self._keys_database, role="owner")) as client:
            for key in _PLANTED:
                await client.set(key, "kept")
        for name in ("dashboard", "monthly-report"):
            session = await self._stack.database.connect("reporting", name=name)
            self._sessions.append(session)
            cursor = await session.execute(
                "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
            )
            row = await cursor.fetchone()
            if row:
                self._identities[name] = (row[0], row[1])
        for each in self._own:
            self._numbers[each.name] = await self._number(each)
        # Its end is on the server's clock, so it must outlast every jump of it.
        self._report = asyncio.create_task(self._run_report(self._sessions[-1]))

    async def excuse(self) -> None:
        """Leave out the sessions that the fault itself has ended: no cure could have kept them."""
        if self._report is not None and self._report.done():
            self._identities.pop("monthly-report", None)
        dashboard = next(iter(self._sessions), None)
        if dashboard is not None:
            try:
                await asyncio.wait_for(dashboard.execute("SELECT 1"), _EXCUSE_DEADLINE_S)
            except psycopg.OperationalError:
                self._identities.pop("dashboard", None)
            except TimeoutError:  # a server that hangs has ended nothing
                return

    async def _run_report(self, session: Connection) -> None:
        with contextlib.suppress(psycopg.Error):  # that it was killed is what check() finds out
            await session.execute("SELECT pg_sleep(864000)")

    async def check(self) -> list[InvariantChecked]:
        """Look at everything again. What can't be looked at did not hold."""
        checks: dict[str, Callable[[], Awaitable[tuple[bool, str]]]] = {
            "keys that are not cache are still there": self._keys,
        }
        if self._identities:  # there are none where the fault was the end of the server
            checks["sessions not meant to be killed are still there"] = self._alive
        # That none of no writes is lost proves nothing; and where another app has them, nobody knows.
        if self._acknowledged() and app_of(self._stack).is_shop:
            checks["acknowledged writes are still there"] = self._writes
        for each in self._own:
            checks[each.name] = partial(self._kept, each)
        results = []
        for name, look in checks.items():
            try:
                held, detail = await asyncio.wait_for(look(), _LOOK_DEADLINE_S)
            except Exception as error:  # noqa: BLE001  whatever keeps us from looking, it counts as not held
                held, detail = False, f"could not be looked at: {type(error).__name__}: {error}"
            results.append(InvariantChecked(name, held, detail))
        return results

    async def _writes(self) -> tuple[bool, str]:
        ids = list(dict.fromkeys(self._acknowledged()))
        connection = await self._stack.database.connect(name="drillbook-invariants")
        try:
            cursor = await connection.execute("SELECT count(*) FROM orders WHERE id::text = ANY(%s)", (ids,))
            row = await cursor.fetchone()
        finally:
            await connection.close()
        found = row[0] if row else 0
        return found == len(ids), f"{found} of {len(ids)} acknowledged orders"

    async def _kept(self, each: OwnInvariant) -> tuple[bool, str]:
        before, now = self._numbers[each.name], await self._number(each)
        return now >= before, f"{now:g}, and {before:g} before the fault"

    async def _number(self, each: OwnInvariant) -> float:
        """The number that the query gives now.

        Raises:
            StackError: it gives none.
        """
        connection = await self._stack.database.connect("app", name="drillbook-invariants")
        try:
            row = await (await connection.execute(each.query.encode())).fetchone()
        except psycopg.Error as error:
            raise StackError(f"the invariant {each.name!r} can't be looked at: {error}") from error
        finally:
            await connection.close()
        if row is None or not isinstance(row[0], int | float | Decimal):
            raise StackError(f"the query of the invariant {each.name!r} gives no number")
        return float(row[0])

    async def _keys(self) -> tuple[bool, str]:
        async with Redis.from_url(self._stack.cache.url(self._keys_database, role="owner")) as client:
            found = await client.exists(*_PLANTED)
        return found == len(_PLANTED), f"{found} of {len(_PLANTED)} keys in database {self._keys_database}"

    async def _alive(self) -> tuple[bool, str]:
        connection = await self._stack.database.connect(name="drillbook-invariants")
        gone = []
        try:
            for name, (pid, began) in self._identities.items():
                cursor = await connection.execute(
                    "SELECT FROM pg_stat_activity WHERE pid = %s AND backend_start = %s", (pid, began)
                )
                if await cursor.fetchone() is None:
                    gone.append(name)
        finally:
            await connection.close()
        kept = len(self._identities) - len(gone)
        detail = f"{kept} of {len(self._identities)} bystanding sessions"
        return not gone, detail + (f"; gone: {', '.join(gone)}" if gone else "")

    async def close(self) -> None:
        """Let go of the sessions."""
        if self._report is not None:
            self._report.cancel()
            await asyncio.wait([self._report], timeout=_LOOK_DEADLINE_S)
        for session in self._sessions:
            with contextlib.suppress(psycopg.Error):  # it may be gone, which was noted above
                await session.close()
