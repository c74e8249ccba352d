"""An event that is harmless in itself, and without which another fault would not show."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from drillbook.protocols import Fault, Stack


class Occasion:
    """Has `event` happen, then injects `fault`; the cause is the fault's alone.

    Args:
        fault: what is wrong.
        event: what happens beforehand.
        undo: puts the event right; does no harm where there is nothing to put right.
    """

    def __init__(
        self,
        fault: Fault,
        *,
        event: Callable[[Stack], Awaitable[None]],
        undo: Callable[[Stack], Awaitable[None]],
    ) -> None:
        self.name = fault.name
        self._fault = fault
        self._event = event
        self._undo = undo

    async def inject(self, stack: Stack) -> None:
        """Let it happen, and break the stack."""
        await self._event(stack)
        await self._fault.inject(stack)

    async def confirm(self, stack: Stack) -> str:
        """The fault's evidence."""
        return await self._fault.confirm(stack)

    async def cause(self, stack: Stack) -> str | None:
        """The fault's cause: with the event alone, all is well."""
        return await self._fault.cause(stack)

    async def heal(self, stack: Stack) -> None:
        """Undo the fault, and then the event."""
        await self._fault.heal(stack)
        await self._undo(stack)
