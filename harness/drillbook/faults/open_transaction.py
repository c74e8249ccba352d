"""A session that takes a lock and then does nothing more: the classic stuck transaction.

What it runs, as whom, and how old it is when the drill begins, make the variants.
"""

from __future__ import annotations

from collections.abc import Sequence

from drillbook.errors import FaultNotTaken
from drillbook.faults.sessions import HeldSession
from drillbook.protocols import Stack


class OpenTransaction:
    """Leaves a session idle with what `statements` took.

    Args:
        name: the fault's name, and the session's application name.
        statements: what the session runs before it goes idle; a division by zero among them is how an
            error inside a transaction is had.
        state: the state in which the server must show it for the fault to have taken.
        role: whose session it is.
        age_s: how old its last query is on the server's clock when the drill goes on.
    """

    def __init__(
        self,
        name: str,
        statements: Sequence[str],
        *,
        state: str = "idle in transaction",
        role: str = "app",
        age_s: float = 660.0,
    ) -> None:
        self.name = name
        self._statements = statements
        self._state = state
        self._role = role
        self._age_s = age_s
        self._session: HeldSession | None = None

    async def inject(self, stack: Stack) -> None:
        """Open the session, run the statements, and let it grow old."""
        self._session = await HeldSession.open(stack, role=self._role, name=self.name)
        await self._session.run(self._statements)
        await stack.database.age(self._age_s)

    async def confirm(self, stack: Stack) -> str:
        """The session is in the wanted state, of the wanted age, and holds a lock."""
        seen = await self._session.state(stack) if self._session else None
        if seen is None:
            raise FaultNotTaken(f"the session of {self.name} is gone")
        if seen.state != self._state or seen.locks == 0 or seen.age_s < self._age_s:
            raise FaultNotTaken(f"the session of {self.name} is {seen}")
        return f"pid {self._session.pid if self._session else '?'}: {seen}"

    async def cause(self, stack: Stack) -> str | None:
        """The session, for as long as it holds a lock."""
        seen = await self._session.state(stack) if self._session else None
        return str(seen) if seen is not None and seen.locks else None

    async def heal(self, stack: Stack) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.close(stack)
