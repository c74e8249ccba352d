"""A key in Redis whose value is not what its reader expects."""

from __future__ import annotations

from drillbook.errors import FaultNotTaken
from drillbook.faults.redis_client import owner
from drillbook.protocols import Stack

_TYPES = ("string", "list")


class CorruptedKey:
    """Puts a bad value in the place of what is at `key`, for good.

    Args:
        name: the fault's name.
        key: the key.
        value: the value.
        kind: of which Redis type it is: `string`, or `list`, of which it is then the one element.
        database: the number of the Redis database.

    Raises:
        ValueError: there is no such `kind`.
    """

    def __init__(self, name: str, key: str, *, value: str, kind: str = "string", database: int = 0) -> None:
        if kind not in _TYPES:
            raise ValueError(f"{kind!r} is none of {', '.join(_TYPES)}")
        self.name = name
        self._key = key
        self._value = value
        self._kind = kind
        self._database = database

    async def inject(self, stack: Stack) -> None:
        """Put the value there, without an end to its life."""
        async with owner(stack, self._database) as redis, redis.pipeline(transaction=True) as writing:
            writing.delete(self._key)
            if self._kind == "list":
                writing.rpush(self._key, self._value)
            else:
                writing.set(self._key, self._value)
            await writing.execute()

    async def confirm(self, stack: Stack) -> str:
        """It is there."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken(f"the key {self._key} does not hold the bad value")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """The value, for as long as the key holds it."""
        async with owner(stack, self._database) as redis:
            kind = await redis.type(self._key)
            if kind != self._kind:
                return None
            if kind == "list":
                held = await redis.lrange(self._key, 0, 1) == [self._value]
            else:
                held = await redis.get(self._key) == self._value
        return f"{self._key} in database {self._database} is a bad {kind}" if held else None

    async def heal(self, stack: Stack) -> None:
        """Delete the key, if the bad value is still there."""
        if await self.cause(stack) is not None:
            async with owner(stack, self._database) as redis:
                await redis.delete(self._key)
