"""How full a Redis server is, as the server itself says."""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

_KEY = "drillbook:write-check"


@dataclass(frozen=True, slots=True)
class Memory:
    """What is used, what the empty server needed, and how much may be, in bytes; a limit of 0 is none.

    `policy` is what happens to keys at the limit, by Redis's name.
    """

    used: int
    at_start: int
    limit: int
    policy: str

    @classmethod
    async def read(cls, redis: Redis) -> Memory:
        """What INFO says now."""
        info = await redis.info("memory")
        return cls(
            used=info["used_memory"],
            at_start=info["used_memory_startup"],
            limit=info["maxmemory"],
            policy=info["maxmemory_policy"],
        )

    @property
    def full(self) -> bool:
        """Whether more is used than may be."""
        return 0 < self.limit < self.used

    def __str__(self) -> str:
        limit = f"of {_mb(self.limit)} allowed" if self.limit else "and no limit"
        return f"{_mb(self.used)} used {limit} ({self.policy})"


def _mb(size: int) -> str:
    return f"{size / 1e6:.2f} MB"


async def refuses_writes(redis: Redis) -> str:
    """What the server says to a write for lack of memory; empty where it takes it."""
    try:
        await redis.set(_KEY, "1", px=1)
    except OutOfMemoryError as error:
        return str(error)
    return ""
