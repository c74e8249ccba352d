"""Places for drills that run side by side, and the way for one of them to have them all to itself."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

_POLL_S = 0.05


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


class Places:
    """`count` places, each for one drill at a time."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = asyncio.Semaphore(count)
        self._taking_all = asyncio.Lock()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A place, beside whoever has the others."""
        async with self._free:
            yield

    @asynccontextmanager
    async def all(self) -> AsyncIterator[None]:
        """Every place: nobody else has one. To be asked for only by who holds none."""
        taken = 0
        async with self._taking_all:  # or two who want all of them would wait for one another
            try:
                for _ in range(self._count):
                    await self._free.acquire()
                    taken += 1
                yield
            finally:
                for _ in range(taken):
                    self._free.release()


class SharedPlaces:
    """`count` places for the drills of several processes, as lock files in `folder`, which is there.

    What a process holds is free at its end, whatever ends it.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._gate = folder / "gate"
        self._places = [folder / str(number) for number in range(count)]

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A place, beside whoever has the others."""
        async with AsyncExitStack() as held:
            async with self._held([self._gate]):  # who wants them all is not to wait for ever
                await held.enter_async_context(self._held(self._places))
            yield

    @asynccontextmanager
    async def all(self) -> AsyncIterator[None]:
        """Every place: nobody else has one. To be asked for only by who holds none."""
        async with AsyncExitStack() as held:
            for lock in (self._gate, *self._places):
                await held.enter_async_context(self._held([lock]))
            yield

    @asynccontextmanager
    async def _held(self, locks: Sequence[Path]) -> AsyncIterator[None]:
        """The first of `locks` that is free, waited for."""
        descriptor = None
        while descriptor is None:
            descriptor = next(filter(None, map(_try, locks)), None)
            if descriptor is None:
                await asyncio.sleep(_POLL_S)
        try:
            yield
        finally:
            os.close(descriptor)


def _try(lock: Path) -> int | None:
    """A descriptor that holds `lock`, or None where another has it."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
