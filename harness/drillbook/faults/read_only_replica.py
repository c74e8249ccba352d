"""A Redis server that was made the replica of another one, which is not there: it takes no writes."""

from __future__ import annotations

from redis.exceptions import ReadOnlyError

from drillbook.errors import FaultNotTaken
from drillbook.faults.redis_client import owner
from drillbook.protocols import Stack

_KEY = "drillbook:write-check"


class ReadOnlyReplica:
    """Makes the server a replica, as a failover does that ends halfway.

    Args:
        name: the fault's name.
        host: its primary's address; nothing is to answer there.
        port: its primary's port.
    """

    def __init__(self, name: str, *, host: str = "127.0.0.1", port: int = 1) -> None:
        self.name = name
        self._host = host
        self._port = port

    async def inject(self, stack: Stack) -> None:
        """Make it a replica."""
        async with owner(stack) as redis:
            await redis.slaveof(self._host, self._port)

    async def confirm(self, stack: Stack) -> str:
        """It says that it is one, and refuses a write."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken("redis is no replica")
        try:
            async with owner(stack) as redis:
                await redis.set(_KEY, "1", px=1)
        except ReadOnlyError as error:
            return f"{seen}: {error}"
        raise FaultNotTaken(f"redis takes writes: {seen}")

    async def cause(self, stack: Stack) -> str | None:
        """Its role, for as long as it is a replica."""
        async with owner(stack) as redis:
            info = await redis.info("replication")
        if info["role"] == "master":
            return None
        return f"a replica of {info['master_host']}:{info['master_port']}, link {info['master_link_status']}"

    async def heal(self, stack: Stack) -> None:
        """Make it a primary."""
        async with owner(stack) as redis:
            await redis.slaveof()
