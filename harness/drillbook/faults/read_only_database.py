"""A database that answers and refuses to write, as after a failover, or where its disk was about to fill."""

from __future__ import annotations

from drillbook.errors import FaultNotTaken
from drillbook.protocols import Stack
from drillbook.waiting import until

_RELOAD_DEADLINE_S = 5.0  # a reload is asked for, and not waited for, by the server


class ReadOnlyDatabase:
    """Makes transactions read-only by default, for every session at once.

    Args:
        name: the fault's name.
        role: whose new sessions are looked at.
    """

    def __init__(self, name: str = "read-only-database", *, role: str = "app") -> None:
        self.name = name
        self._role = role

    async def inject(self, stack: Stack) -> None:
        """Set it for the server, and have the server read it."""
        await _configure(stack, "ALTER SYSTEM SET default_transaction_read_only = on")

        async def shows() -> bool:
            return await self.cause(stack) is not None

        await until(shows, deadline_s=_RELOAD_DEADLINE_S, what="transactions are read-only")

    async def confirm(self, stack: Stack) -> str:
        """A new session of the role can't write."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken("transactions are not read-only")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """What a new session of the role is told, for as long as it can't write."""
        connection = await stack.database.connect(self._role, name="drillbook-fault")
        try:
            cursor = await connection.execute("SHOW transaction_read_only")
            row = await cursor.fetchone()
        finally:
            await connection.close()
        return f"transactions of {self._role} are read-only" if row == ("on",) else None

    async def heal(self, stack: Stack) -> None:
        """Take it back."""
        await _configure(stack, "ALTER SYSTEM RESET default_transaction_read_only")


async def _configure(stack: Stack, statement: str) -> None:
    connection = await stack.database.connect(name="drillbook-fault")
    try:
        await connection.execute(statement.encode())
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()
