"""A subscriber that does not read: what is published piles up in the Redis server's memory."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

from redis.asyncio import Redis

from drillbook.errors import FaultNotTaken
from drillbook.faults.redis_client import owner
from drillbook.faults.redis_memory import Memory, refuses_writes
from drillbook.protocols import Stack

_MESSAGE = "x" * (1 << 20)
_MOST_MESSAGES = 256
_TIMEOUT_S = 3.0
_UNREAD_BYTES = 1 << 20
_MARGIN_BYTES = 8 << 20


class UnreadSubscriber:
    """Subscribes, never reads, and publishes until the server's memory is full.

    It needs a server with a memory limit and without one for the output of subscribers.

    Args:
        name: the fault's name, and the subscriber's name in CLIENT LIST.
        channel: what it subscribes to.
    """

    def __init__(self, name: str, *, channel: str) -> None:
        self.name = name
        self._channel = channel
        self._socket: socket.socket | None = None
        self._id = ""

    async def inject(self, stack: Stack) -> None:
        """Subscribe and publish."""
        await asyncio.to_thread(self._subscribe, stack.cache.url())
        async with owner(stack) as redis:
            self._id = next(c["id"] for c in await redis.client_list() if c["name"] == self.name)
            for _ in range(_MOST_MESSAGES):
                await redis.publish(self._channel, _MESSAGE)
                memory = await Memory.read(redis)
                # Beyond the limit by more than clients that come and go give back, and more than the kernel
                # may yet take off the server's hands.
                if memory.limit and memory.used > memory.limit + _MARGIN_BYTES:
                    return

    def _subscribe(self, url: str) -> None:
        parts = urlsplit(url)
        connection = socket.socket()
        connection.settimeout(_TIMEOUT_S)
        # What fits in here is not in the server's memory.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((parts.hostname, parts.port))
        for command in (
            f"AUTH {parts.username} {parts.password}",
            f"CLIENT SETNAME {self.name}",
            f"SUBSCRIBE {self._channel}",
        ):
            connection.sendall(f"{command}\r\n".encode())
            connection.recv(4096)
        self._socket = connection

    async def _unread(self, redis: Redis) -> int | None:
        """How many bytes wait for it in the server, or None where it is no longer connected."""
        for client in await redis.client_list():
            if client["id"] == self._id:
                return int(client["omem"])
        return None

    async def confirm(self, stack: Stack) -> str:
        """Much waits for it, more memory is used than may be, and the server refuses a write."""
        async with owner(stack) as redis:
            memory, unread = await Memory.read(redis), await self._unread(redis)
            refused = await refuses_writes(redis)
        if unread is None or unread < _UNREAD_BYTES or not memory.full or not refused:
            raise FaultNotTaken(f"{unread or 0} bytes wait for {self.name}: {memory}")
        return f"{unread} bytes wait for {self.name}, {memory}: {refused}"

    async def cause(self, stack: Stack) -> str | None:
        """The subscriber, for as long as much waits for it."""
        async with owner(stack) as redis:
            unread = await self._unread(redis)
        return f"{unread} bytes wait for {self.name}" if (unread or 0) >= _UNREAD_BYTES else None

    async def heal(self, stack: Stack) -> None:
        """Close the subscriber's connection."""
        if self._socket is None:
            return
        self._socket.close()
        async with owner(stack) as redis:
            # Of itself the server would notice only when it next writes to it.
            await redis.client_kill_filter(_id=self._id)
