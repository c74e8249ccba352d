"""A prepared transaction that nobody finishes: it holds its locks with no session at all, past a restart."""

from __future__ import annotations

from collections.abc import Sequence

from drillbook.errors import FaultNotTaken
from drillbook.faults.sessions import HeldSession
from drillbook.protocols import Stack


class PreparedTransaction:
    """Leaves a prepared transaction behind, as a coordinator does that died between its two phases.

    Args:
        name: the fault's name, and the transaction's global identifier.
        statements: what takes the lock, after BEGIN.
        age_s: how old it is on the server's clock when the drill goes on, in seconds.
    """

    def __init__(self, name: str, statements: Sequence[str], *, age_s: float = 660.0) -> None:
        self.name = name
        self._statements = statements
        self._age_s = age_s

    async def inject(self, stack: Stack) -> None:
        """Prepare the transaction, close its session, and let it grow old."""
        session = await HeldSession.open(stack, role="app", name=self.name)
        await session.run(["BEGIN", *self._statements, f"PREPARE TRANSACTION '{self.name}'"])
        await session.connection.close()
        await stack.database.age(self._age_s)

    async def confirm(self, stack: Stack) -> str:
        """It is listed in `pg_prepared_xacts`."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken(f"there is no prepared transaction {self.name}")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """The prepared transaction, for as long as it is listed."""
        watcher = await stack.database.connect(name="drillbook-fault")
        try:
            cursor = await watcher.execute(
                "SELECT extract(epoch FROM clock_timestamp() - prepared)::int"
                " FROM pg_prepared_xacts WHERE gid = %s",
                (self.name,),
            )
            row = await cursor.fetchone()
        finally:
            await watcher.close()
        return f"prepared transaction {self.name}, {row[0]} s old, without a session" if row else None

    async def heal(self, stack: Stack) -> None:
        """Roll it back."""
        if await self.cause(stack) is None:
            return
        # ROLLBACK PREPARED takes no parameter; the name is the fault's own constant.
        connection = await stack.database.connect(name="drillbook-fault")
        try:
            await connection.execute(f"ROLLBACK PREPARED '{self.name}'")
        finally:
            await connection.close()
