"""A database server that is down and stays down."""

from __future__ import annotations

import psycopg

from drillbook.errors import FaultNotTaken
from drillbook.protocols import Stack


class DatabaseDown:
    """Kills the server; its data stay.

    Args:
        name: the fault's name.
    """

    def __init__(self, name: str = "database-down") -> None:
        self.name = name

    async def inject(self, stack: Stack) -> None:
        """Kill the server."""
        await stack.database.kill()

    async def confirm(self, stack: Stack) -> str:
        """Nobody can connect."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken("the database still takes connections")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """What a client is told, for as long as it can't connect."""
        try:
            connection = await stack.database.connect(name="drillbook-fault")
        except psycopg.OperationalError as error:
            return " ".join(str(error).split())
        await connection.close()
        return None

    async def heal(self, stack: Stack) -> None:
        """Start the server."""
        await stack.database.revive()
