"""A memory limit of Redis that leaves no room for any data."""

from __future__ import annotations

from drillbook.errors import FaultNotTaken
from drillbook.faults.redis_client import owner
from drillbook.faults.redis_memory import Memory, refuses_writes
from drillbook.protocols import Stack


class MemoryLimit:
    """Sets the server's `maxmemory` to less than what it needs when it is empty.

    Args:
        name: the fault's name.
        limit: the limit, as Redis writes it, such as `500kb`.
    """

    def __init__(self, name: str, limit: str) -> None:
        self.name = name
        self._limit = limit
        self._before: str | None = None

    async def inject(self, stack: Stack) -> None:
        """Set the limit."""
        async with owner(stack) as redis:
            self._before = (await redis.config_get("maxmemory"))["maxmemory"]
            await redis.config_set("maxmemory", self._limit)

    async def confirm(self, stack: Stack) -> str:
        """The empty server needs more, and it refuses a write."""
        seen = await self.cause(stack)
        async with owner(stack) as redis:
            refused = await refuses_writes(redis)
        if seen is None or not refused:
            raise FaultNotTaken(f"the server has room within {self._limit}")
        return f"{seen}: {refused}"

    async def cause(self, stack: Stack) -> str | None:
        """The limit, for as long as the empty server needs more."""
        async with owner(stack) as redis:
            memory = await Memory.read(redis)
        return (
            f"{memory}, {memory.at_start} bytes when empty" if 0 < memory.limit <= memory.at_start else None
        )

    async def heal(self, stack: Stack) -> None:
        """Set the limit that was there before."""
        if self._before is not None and await self.cause(stack) is not None:
            async with owner(stack) as redis:
                await redis.config_set("maxmemory", self._before)
