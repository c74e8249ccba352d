"""Clients of Redis that run an expensive command again and again: everybody else waits for its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from drillbook.errors import FaultNotTaken
from drillbook.faults.redis_client import client, owner
from drillbook.protocols import Stack
from drillbook.waiting import until

_SHOW_DEADLINE_S = 10.0
_FIRST_KEYS = 50_000
_KEYS_AT_ONCE = 20_000
_TRIES = 2
_MAKE_KEYS = "for i = ARGV[2], ARGV[3] do redis.call('SET', ARGV[1] .. ':' .. i, 'value:' .. i) end"
_MOST_KEYS = 1_600_000  # some 130 MB


class SlowCommands:
    """Fills a database with keys and lets `clients` clients run `command` without a pause.

    The cause is gone when the clients are, or when the command is quick.

    Args:
        name: the fault's name, and that of the clients.
        command: the command, whose time grows with the number of keys.
        slow_s: how long it is to take; there are made as many keys as that needs, in seconds.
        clients: how many run it at the same time; one that is cut off does not come back.
    """

    def __init__(self, name: str, *, command: Sequence[str], slow_s: float, clients: int) -> None:
        self.name = name
        self._keys = 0
        self._slow_s = slow_s
        self._command = tuple(command)
        self._clients = clients
        self._running: list[asyncio.Task[None]] = []
        self._connection: Redis | None = None

    async def inject(self, stack: Stack) -> None:
        """Fill the database, and let them begin."""
        await self._fill(stack)
        await self._owner(stack).ping()
        url = stack.cache.url()
        self._running = [
            asyncio.create_task(self._run(url), name=f"{self.name}-{number}")
            for number in range(self._clients)
        ]

        async def shows() -> bool:
            return await self.cause(stack) is not None

        await until(shows, deadline_s=_SHOW_DEADLINE_S, what=f"the clients of {self.name} keep redis busy")

    def _owner(self, stack: Stack) -> Redis:
        """The owner's one connection, which lasts as long as the drill."""
        if self._connection is None:
            url = stack.cache.url(role="owner")
            self._connection = Redis.from_url(url, decode_responses=True, single_connection_client=True)
        return self._connection

    async def _fill(self, stack: Stack) -> None:
        """Make keys until the command is slow; how many that takes depends on the machine."""
        keys = _FIRST_KEYS
        async with owner(stack) as redis:
            while True:
                await self._make_keys(redis, self._keys, keys)
                self._keys = keys
                # The least of some: a busy moment of this machine is no slowness that lasts.
                quickest_s = min([await self._time(redis) for _ in range(_TRIES)])
                if quickest_s >= self._slow_s or keys >= _MOST_KEYS:
                    return
                keys = min(_MOST_KEYS, int(keys * min(2.0, 1.1 * self._slow_s / quickest_s)))

    async def _time(self, redis: Redis) -> float:
        began = asyncio.get_running_loop().time()
        await redis.execute_command(*self._command)  # type: ignore[no-untyped-call]
        return asyncio.get_running_loop().time() - began

    async def _make_keys(self, redis: Redis, first: int, end: int) -> None:
        """Make the keys from number `first` to before `end`, some at a time: a script holds everyone up."""
        for start in range(first, end, _KEYS_AT_ONCE):
            stop = min(start + _KEYS_AT_ONCE, end)
            await redis.eval(_MAKE_KEYS, 0, self._prefix, start, stop - 1)

    @property
    def _prefix(self) -> str:
        return f"{self.name}:item"

    async def _run(self, url: str) -> None:
        # That someone cuts it off is a cure, not an error of the harness.
        with contextlib.suppress(RedisError):
            async with client(url, timeout_s=None) as redis:
                await redis.client_setname(self.name)
                while True:
                    await redis.execute_command(*self._command)  # type: ignore[no-untyped-call]

    async def confirm(self, stack: Stack) -> str:
        """The clients are there, and their command is slow."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken(f"the clients of {self.name} do not keep redis busy")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """The clients, for as long as there are keys enough to make their command slow."""
        try:
            everyone, keys = await self._ask(stack)
        except RedisError:  # whoever cut off everyone cut us off too
            await self._let_go()
            everyone, keys = await self._ask(stack)
        clients = [each for each in everyone if each.get("name") == self.name]
        if not clients or keys < self._keys / 2:
            return None
        return f"{len(clients)} clients run {' '.join(self._command)} over {keys} keys"

    async def _ask(self, stack: Stack) -> tuple[list[dict[str, str]], int]:
        """The clients and the number of keys."""
        # On a connection from before, and at once: each answer takes as long as all of their commands.
        asked = self._owner(stack).pipeline(transaction=False)
        asked.client_list()
        asked.dbsize()
        everyone, keys = await asked.execute()
        return everyone, keys

    async def _let_go(self) -> None:
        if self._connection is not None:
            await self._connection.aclose()
            self._connection = None

    async def heal(self, stack: Stack) -> None:
        """End the clients, and drop the keys."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=_SHOW_DEADLINE_S)
        await self._let_go()
        async with owner(stack) as redis:
            if await redis.exists(f"{self._prefix}:0"):
                await redis.eval(
                    "for i = ARGV[2], ARGV[3] do redis.call('UNLINK', ARGV[1] .. i) end",
                    0,
                    f"{self._prefix}:",
                    0,
                    self._keys - 1,
                )
