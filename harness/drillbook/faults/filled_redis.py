"""A Redis whose memory is full of keys that somebody left behind."""

from __future__ import annotations

from drillbook.errors import FaultNotTaken
from drillbook.faults.redis_client import owner
from drillbook.faults.redis_memory import Memory, refuses_writes
from drillbook.protocols import Stack

# The last one goes beyond the limit by that much, which is more than what clients that come and go, and keys
# that end, take and give back.
_KEY_BYTES = 1 << 20
_MOST_KEYS = 256


class FilledRedis:
    """Writes keys of 1 MB and more until 1 MB more is used than may be.

    It needs a server with a limit that evicts nothing.

    Args:
        name: the fault's name.
        prefix: how the keys' names begin; a number follows.
        database: the number of the Redis database that they are in.
    """

    def __init__(self, name: str, *, prefix: str, database: int = 0) -> None:
        self.name = name
        self._prefix = prefix
        self._database = database

    async def inject(self, stack: Stack) -> None:
        """Fill it."""
        async with owner(stack, self._database) as redis:
            for number in range(1, _MOST_KEYS):
                memory = await Memory.read(redis)
                room = memory.limit - memory.used
                if not memory.limit or memory.full:
                    return  # what came of it is for `confirm` to say
                size = _KEY_BYTES if room > 2 * _KEY_BYTES else room + _KEY_BYTES
                await redis.setrange(f"{self._prefix}{number}", size - 1, "x")

    async def confirm(self, stack: Stack) -> str:
        """More is used than may be, and the server refuses a write."""
        async with owner(stack, self._database) as redis:
            memory, refused = await Memory.read(redis), await refuses_writes(redis)
        if not memory.full or not refused:
            raise FaultNotTaken(f"the server takes writes: {memory}")
        return f"{memory}: {refused}"

    async def cause(self, stack: Stack) -> str | None:
        """The memory, for as long as more is used than may be."""
        async with owner(stack, self._database) as redis:
            memory = await Memory.read(redis)
        return str(memory) if memory.full else None

    async def heal(self, stack: Stack) -> None:
        """Delete the keys, as many as there are."""
        async with owner(stack, self._database) as redis:
            async for key in redis.scan_iter(match=f"{self._prefix}*"):
                await redis.delete(key)
