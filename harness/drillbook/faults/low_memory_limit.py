"""A memory limit that is lower than what the service needs for honest load."""

from __future__ import annotations

import dataclasses

from drillbook.errors import FaultNotTaken
from drillbook.faults.killed_for_memory import killed_for_memory
from drillbook.protocols import Limits, Stack
from drillbook.waiting import until

_SHOW_DEADLINE_S = 10.0


class LowMemoryLimit:
    """Lowers the limit of each replica's memory; the cause is gone when none is killed for it any more.

    Args:
        name: the fault's name.
        memory_mb: the limit, in megabytes.
    """

    def __init__(self, name: str, *, memory_mb: float) -> None:
        self.name = name
        self._memory_mb = memory_mb
        self._before: Limits | None = None

    async def inject(self, stack: Stack) -> None:
        """Lower the limit, which deploys the release anew, and wait for the first kill."""
        self._before = stack.platform.limits()
        await stack.platform.set_limits(dataclasses.replace(self._before, memory_mb=self._memory_mb))

        async def shows() -> bool:
            return await killed_for_memory(stack) is not None

        await until(shows, deadline_s=_SHOW_DEADLINE_S, what="a replica is killed for its memory")

    async def confirm(self, stack: Stack) -> str:
        """A replica was killed for it."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken(f"no replica is killed under a limit of {self._memory_mb:g} MB")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """The kills: by another limit, or another use of memory, they come to their end."""
        return await killed_for_memory(stack)

    async def heal(self, stack: Stack) -> None:
        """Set the limit that was there before."""
        if self._before is not None and stack.platform.limits() != self._before:
            await stack.platform.set_limits(self._before)
