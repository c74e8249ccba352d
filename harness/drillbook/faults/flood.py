"""More requests than the service stands, or slower ones: a flood that comes and does not go by itself.

It knows nothing of what the service does about it; the scenario says what shows that the flood does harm.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from drillbook.errors import FaultNotTaken, StackError
from drillbook.protocols import Flood, Floodable, Stack
from drillbook.waiting import until

Evidence: TypeAlias = Callable[[Stack, Flood], Awaitable[str | None]]

_SHOW_DEADLINE_S = 8.0
_RECENT_S = 1.0


@dataclass(frozen=True, slots=True)
class Clients:
    """Who comes; see `protocols.Floodable.flood`."""

    behaviour: str
    network: str
    users: int
    rate_per_s: float


class FloodOfRequests:
    """Lets `clients` come; its cause is gone when they do no harm any more, or have gone.

    Args:
        name: the fault's name.
        clients: who comes.
        shows: evidence that the flood does harm, or None while it does not.
        persists: evidence that it would do harm though it does none now, if that is another thing.
    """

    def __init__(
        self, name: str, clients: Clients, *, shows: Evidence, persists: Evidence | None = None
    ) -> None:
        self.name = name
        self._clients = clients
        self._shows = shows
        self._persists = persists or shows
        self._flood: Flood | None = None

    async def inject(self, stack: Stack) -> None:
        """Let them come, and wait until they do harm."""
        if not isinstance(stack, Floodable):
            raise StackError("to this stack nobody can come but its ordinary customers")
        clients = self._clients
        flood = stack.flood(
            clients.behaviour, network=clients.network, users=clients.users, rate_per_s=clients.rate_per_s
        )
        self._flood = flood
        await flood.start()

        async def shows() -> bool:
            return await self._shows(stack, flood) is not None

        await until(
            shows, deadline_s=_SHOW_DEADLINE_S, what=f"the flood {clients.behaviour} does harm", every_s=0.05
        )

    async def confirm(self, stack: Stack) -> str:
        """They do harm, and this is what they were answered."""
        seen = await self._shows(stack, self._flood) if self._flood is not None else None
        if seen is None or self._flood is None:
            raise FaultNotTaken("the flood does no harm")
        answers = self._flood.answers(_RECENT_S)
        told = ", ".join(f"{count} x {answer}" for answer, count in sorted(answers.items()))
        return f"{seen}; within {_RECENT_S:g} s they saw: {told or 'no answer'}"

    async def cause(self, stack: Stack) -> str | None:
        """The harm that they do, or would do, now."""
        return await self._persists(stack, self._flood) if self._flood is not None else None

    async def heal(self, stack: Stack) -> None:
        """Send them away."""
        del stack
        flood, self._flood = self._flood, None
        if flood is not None:
            await flood.stop()
