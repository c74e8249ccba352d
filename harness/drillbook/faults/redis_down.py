"""A Redis server that is down and stays down."""

from __future__ import annotations

from redis.exceptions import ConnectionError as RedisConnectionError

from drillbook.errors import FaultNotTaken
from drillbook.faults.redis_client import owner
from drillbook.protocols import Stack


class RedisDown:
    """Kills the server. What it has only in memory goes with it.

    Args:
        name: the fault's name.
    """

    def __init__(self, name: str = "redis-down") -> None:
        self.name = name

    async def inject(self, stack: Stack) -> None:
        """Kill the server."""
        await stack.cache.kill()

    async def confirm(self, stack: Stack) -> str:
        """Nothing listens."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken("redis still answers")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """What a client is told, for as long as it can't connect."""
        try:
            async with owner(stack) as redis:
                await redis.ping()
        except RedisConnectionError as error:
            return str(error)
        return None

    async def heal(self, stack: Stack) -> None:
        """Start the server."""
        await stack.cache.revive()
