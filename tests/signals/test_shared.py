"""Looks that share one: few real ones, all of them told, and a slow one is slow for whoever joins it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from drillbook.protocols import Observation
from drillbook.signals.shared import SharedLooks

DEADLINE_S = 5.0


class Counted:
    """A probe that counts its looks, and looks once it may."""

    sli = "counted"
    deadline_s = DEADLINE_S
    slow_s = 0.2

    def __init__(self) -> None:
        self.looks = 0
        self.failure: Exception | None = None
        self.may_look = asyncio.Event()
        self.may_look.set()
        self.closed = False

    async def observe(self) -> Observation:
        self.looks += 1
        await self.may_look.wait()
        if self.failure is not None:
            raise self.failure
        return Observation(good=True, detail=str(self.looks))

    async def close(self) -> None:
        self.closed = True


def run(check: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(DEADLINE_S * 2):
            await check

    asyncio.run(bounded())


def test_looks_that_follow_one_another_closely_share_one() -> None:
    async def check() -> None:
        probe = Counted()
        shared = SharedLooks(probe, every_s=60.0)
        assert [await shared.observe() for _ in range(5)] == [Observation(good=True, detail="1")] * 5
        assert probe.looks == 1
        await shared.close()
        assert probe.closed

    run(check())


def test_a_look_that_comes_later_is_a_real_one() -> None:
    async def check() -> None:
        probe = Counted()
        shared = SharedLooks(probe, every_s=0.0)
        assert [(await shared.observe()).detail for _ in range(3)] == ["1", "2", "3"]
        await shared.close()

    run(check())


def test_a_slow_look_is_bad_for_whoever_joins_it_late() -> None:
    async def check() -> None:
        probe = Counted()
        probe.may_look.clear()
        shared = SharedLooks(probe, every_s=60.0)
        first = asyncio.create_task(shared.observe())
        await asyncio.sleep(probe.slow_s * 1.5)  # the slowness is what is tested
        late = asyncio.create_task(shared.observe())
        await asyncio.sleep(0)
        probe.may_look.set()
        assert [(await look).good for look in (first, late)] == [False, False]
        await shared.close()

    run(check())


def test_a_failure_is_told_to_each_look_and_a_look_given_up_ends_no_other() -> None:
    async def check() -> None:
        probe = Counted()
        probe.may_look.clear()
        probe.failure = ConnectionRefusedError("gone")
        shared = SharedLooks(probe, every_s=60.0)
        looks = [asyncio.create_task(shared.observe()) for _ in range(3)]
        await asyncio.sleep(0)
        looks[0].cancel()
        await asyncio.sleep(0)
        probe.may_look.set()
        for look in looks[1:]:
            with pytest.raises(ConnectionRefusedError, match="gone"):
                await look
        assert looks[0].cancelled()
        await shared.close()

    run(check())


def test_a_look_without_an_answer_is_bad_after_its_deadline() -> None:
    async def check() -> None:
        probe = Counted()
        probe.deadline_s = 0.2
        probe.may_look.clear()
        shared = SharedLooks(probe, every_s=60.0)
        assert await shared.observe() == Observation(good=False, detail="no answer within 0.2 s")
        await shared.close()

    run(check())


def test_closing_waits_for_the_look_on_its_way() -> None:
    async def check() -> None:
        probe = Counted()
        probe.may_look.clear()
        shared = SharedLooks(probe, every_s=60.0)
        look = asyncio.create_task(shared.observe())
        await asyncio.sleep(0)
        look.cancel()
        closing = asyncio.create_task(shared.close())
        await asyncio.sleep(0)
        assert not probe.closed
        probe.may_look.set()
        await closing
        assert probe.closed

    run(check())
