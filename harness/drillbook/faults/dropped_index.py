"""An index that was dropped from a table that has grown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from psycopg import sql

from drillbook.errors import FaultNotTaken
from drillbook.protocols import Connection, Stack

_NODE = re.compile(r"\b(Seq Scan|Index Scan|Index Only Scan|Bitmap Index Scan)\b")


class DroppedIndex:
    """Lets the table grow and drops `index`; the cause is gone when the query is quick again.

    Args:
        name: the fault's name.
        index: the index.
        grow: statements that make the table as large as that of an old service; they are not undone.
        query: what the index was for, without parameters.
        slow_ms: the time that the query takes at least without the index, in milliseconds.
    """

    def __init__(self, name: str, index: str, *, grow: Sequence[str], query: str, slow_ms: float) -> None:
        self.name = name
        self._index = index
        self._grow = grow
        self._query = query
        self._slow_ms = slow_ms
        self._definition = ""

    async def inject(self, stack: Stack) -> None:
        """Drop the index, and let the table grow."""
        async with await stack.database.connect(name=self.name) as connection:
            cursor = await connection.execute("SELECT pg_get_indexdef(to_regclass(%s))", (self._index,))
            row = await cursor.fetchone()
            self._definition = str(row[0]) if row and row[0] else ""
            await connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(self._index)))
            for statement in self._grow:
                await connection.execute(statement)

    async def confirm(self, stack: Stack) -> str:
        """The query reads the whole table, which takes long."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken(f"the query is quick without {self._index}")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """How the query is carried out, for as long as that takes long."""
        async with await stack.database.connect(name=self.name) as connection:
            node, ms = await self._explain(connection)
        if node != "Seq Scan" or ms < self._slow_ms:
            return None
        return f"a query reads the whole table in {ms:.0f} ms: {self._query}"

    async def _explain(self, connection: Connection) -> tuple[str, float]:
        """The kind of scan that the query makes, and its time in milliseconds."""
        cursor = await connection.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {self._query}")
        plan = "\n".join(str(row[0]) for row in await cursor.fetchall())
        scan, time_ms = _NODE.search(plan), re.search(r"Execution Time: ([0-9.]+) ms", plan)
        if scan is None or time_ms is None:
            raise FaultNotTaken(f"the plan can't be read: {plan}")
        return scan[1], float(time_ms[1])

    async def heal(self, stack: Stack) -> None:
        """Make the index again."""
        if not self._definition:
            return
        async with await stack.database.connect(name=self.name) as connection:
            cursor = await connection.execute("SELECT to_regclass(%s) IS NULL", (self._index,))
            if await cursor.fetchone() == (True,):
                await connection.execute(self._definition)
