"""A script in Redis that does not end: the server does nothing else meanwhile."""

from __future__ import annotations

import asyncio
import contextlib

from redis.exceptions import RedisError, ResponseError

from drillbook.errors import FaultNotTaken
from drillbook.faults.redis_client import client, owner
from drillbook.protocols import Stack
from drillbook.waiting import until

_BUSY_DEADLINE_S = 8.0


class EndlessScript:
    """Runs `script`, until the server says that it is busy.

    That takes the server's own `lua-time-limit`, during which it answers nobody.

    Args:
        name: the fault's name.
        script: the script, in Lua; it must not end, nor write anything, or it could not be killed.
    """

    def __init__(self, name: str, script: str = "local n = 0 while true do n = n + 1 end") -> None:
        self.name = name
        self._script = script
        self._running: asyncio.Task[None] | None = None

    async def inject(self, stack: Stack) -> None:
        """Start it."""
        self._running = asyncio.create_task(self._run(stack.cache.url()), name=self.name)

        async def busy() -> bool:
            return await self.cause(stack) is not None

        await until(busy, deadline_s=_BUSY_DEADLINE_S, what="redis is busy with the script")

    async def _run(self, url: str) -> None:
        # That someone kills the script, or the server, is a cure and not an error of the harness.
        with contextlib.suppress(RedisError):
            async with client(url, timeout_s=None) as redis:
                await redis.eval(self._script, 0)

    async def confirm(self, stack: Stack) -> str:
        """The server says that it is busy."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken("redis is not busy")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """What the server says to a PING, for as long as that is that it is busy."""
        try:
            async with owner(stack) as redis:
                await redis.ping()
        except ResponseError as error:
            if not str(error).startswith("BUSY"):
                raise
            return str(error)
        return None

    async def heal(self, stack: Stack) -> None:
        """Kill the script."""
        if await self.cause(stack) is not None:
            async with owner(stack) as redis:
                await redis.script_kill()
        if self._running is not None:
            await asyncio.wait_for(self._running, _BUSY_DEADLINE_S)
