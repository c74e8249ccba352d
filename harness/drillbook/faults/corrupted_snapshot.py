"""A bad value that is in Redis's snapshot on disk as well, on a host that will restart the server."""

from __future__ import annotations

import asyncio
import contextlib

from redis.exceptions import RedisError

from drillbook.faults.corrupted_key import CorruptedKey
from drillbook.faults.redis_client import owner
from drillbook.protocols import Stack

_LOOK_S = 0.05
_RESTARTS = 20
_CANCEL_S = 0.5


class CorruptedSnapshot:
    """Puts a bad value in place, has a snapshot taken, and lets the host restart the server later on.

    A restart comes sooner or later: a maintenance, a crash. Here it comes within a second after the bad value
    was removed, by whatever means, and is a crash, which saves nothing: a fortnight in little. Whether the
    value was removed for good, the restart shows, so the cause is not looked at before.

    Args:
        key: puts the bad value in place.
        restart_s: how long after its removal the server is restarted, in seconds.
    """

    def __init__(self, key: CorruptedKey, *, restart_s: float = 0.6) -> None:
        self.name = key.name
        self._corrupted = key
        self._restart_s = restart_s
        self._host: asyncio.Task[None] | None = None

    async def inject(self, stack: Stack) -> None:
        """Put the value in place and save it."""
        await self._corrupted.inject(stack)
        async with owner(stack) as redis:
            await redis.save()
        self._host = asyncio.create_task(self._restart_once_removed(stack), name="the host of Redis")

    async def _restart_once_removed(self, stack: Stack) -> None:
        """Restart the server each time the value was removed, until it does not come back."""
        for _ in range(_RESTARTS):
            await self._removed(stack)
            await asyncio.sleep(self._restart_s)  # the host restarts it a while later: the fault itself
            # The service stands still meanwhile: what it read elsewhere for want of the server it would write
            # over the value before that was seen, and over and again at each restart.
            await stack.platform.pause()
            try:
                await stack.cache.kill()
                await stack.cache.revive()
                back = await self._corrupted.cause(stack)
            finally:
                await stack.platform.resume()
            if back is None:
                return

    async def _removed(self, stack: Stack) -> None:
        while True:
            # A server that can't be asked is not known to be free of it.
            with contextlib.suppress(RedisError, OSError):
                if await self._corrupted.cause(stack) is None:
                    return
            await asyncio.sleep(_LOOK_S)  # between two looks, until the drill ends

    async def confirm(self, stack: Stack) -> str:
        """The value is in memory, and the snapshot was taken."""
        return f"{await self._corrupted.confirm(stack)}, and in the snapshot too"

    async def cause(self, stack: Stack) -> str | None:
        """The value, as long as it is there or a restart has yet to show whether it comes back."""
        if self._host is not None and not self._host.done():
            return await self._corrupted.cause(stack) or "no restart has shown yet that it stays away"
        return await self._corrupted.cause(stack)

    async def heal(self, stack: Stack) -> None:
        """Remove the value, in the snapshot as well, and let the host be."""
        while self._host is not None and not self._host.done():
            # Again where it is in vain: a client of Redis may take the cancelling for its own time being up.
            self._host.cancel()
            await asyncio.wait([self._host], timeout=_CANCEL_S)
        await stack.cache.revive()
        await self._corrupted.heal(stack)
        async with owner(stack) as redis:
            await redis.save()
