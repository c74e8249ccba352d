"""The flood as a fault: it takes, goes on, is seen to do harm, and goes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from drillbook.errors import FaultNotTaken, StackError
from drillbook.faults.flood import Clients, FloodOfRequests
from drillbook.protocols import Cache, Database, Flood, Floodable, Platform, Provider, Stack

CLIENTS = Clients("scraper", "127.0.2.0/24", 4, 50.0)


class Nothing:
    """A stack without parts, to which nobody can come."""

    url = ""

    @property
    def database(self) -> Database:
        raise AssertionError("a flood needs no database")

    @property
    def cache(self) -> Cache:
        raise AssertionError("a flood needs no cache")

    @property
    def provider(self) -> Provider:
        raise AssertionError("a flood needs no provider")

    @property
    def platform(self) -> Platform:
        raise AssertionError("a flood needs no platform")


@dataclass
class Crowd:
    """A flood that is only told."""

    comes: bool = False
    told: Mapping[str, int] = field(default_factory=lambda: {"ok": 7, "HTTP 429": 3})

    async def start(self) -> None:
        self.comes = True

    async def stop(self) -> None:
        self.comes = False

    def answers(self, last_s: float) -> Mapping[str, int]:
        del last_s
        return self.told if self.comes else {}


@dataclass
class Square(Nothing):
    """A stack to which a crowd can come."""

    crowds: list[Crowd] = field(default_factory=list)
    wanted: list[tuple[str, str, int, float]] = field(default_factory=list)

    def flood(self, behaviour: str, *, network: str, users: int, rate_per_s: float) -> Flood:
        self.wanted.append((behaviour, network, users, rate_per_s))
        self.crowds.append(Crowd())
        return self.crowds[-1]


@dataclass
class Harm:
    """Evidence that the test switches on and off."""

    looks_until_seen: int = 0
    there: bool = True

    async def __call__(self, stack: Stack, flood: Flood) -> str | None:
        assert isinstance(stack, Floodable)
        self.looks_until_seen -= 1
        return (
            "customers are refused" if self.there and self.looks_until_seen < 0 and flood.answers(1) else None
        )


def test_a_flood_comes_and_is_waited_for_until_it_does_harm() -> None:
    async def drill() -> None:
        stack, harm = Square(), Harm(looks_until_seen=3)
        fault = FloodOfRequests("bot", CLIENTS, shows=harm)
        assert await fault.cause(stack) is None
        await fault.inject(stack)
        assert stack.wanted == [("scraper", "127.0.2.0/24", 4, 50.0)]
        assert harm.looks_until_seen < 0
        told = await fault.confirm(stack)
        assert told == "customers are refused; within 1 s they saw: 3 x HTTP 429, 7 x ok"
        assert await fault.cause(stack) == "customers are refused"
        harm.there = False
        assert await fault.cause(stack) is None

    asyncio.run(drill())


def test_a_flood_that_does_no_harm_any_more_has_not_taken() -> None:
    async def drill() -> None:
        stack, harm = Square(), Harm()
        fault = FloodOfRequests("bot", CLIENTS, shows=harm)
        with pytest.raises(FaultNotTaken):
            await fault.confirm(stack)
        await fault.inject(stack)
        harm.there = False
        with pytest.raises(FaultNotTaken, match="does no harm"):
            await fault.confirm(stack)

    asyncio.run(drill())


def test_a_flood_whose_harm_is_masked_persists() -> None:
    async def drill() -> None:
        stack, harm, persists = Square(), Harm(), Harm()
        fault = FloodOfRequests("bot", CLIENTS, shows=harm, persists=persists)
        await fault.inject(stack)
        harm.there = False
        assert await fault.cause(stack) is not None
        persists.there = False
        assert await fault.cause(stack) is None

    asyncio.run(drill())


def test_healing_sends_the_clients_away_more_than_once_and_before_they_came() -> None:
    async def drill() -> None:
        stack = Square()
        fault = FloodOfRequests("bot", CLIENTS, shows=Harm())
        await fault.heal(stack)
        await fault.inject(stack)
        await fault.heal(stack)
        await fault.heal(stack)
        assert [crowd.comes for crowd in stack.crowds] == [False]
        assert await fault.cause(stack) is None

    asyncio.run(drill())


def test_to_a_stack_without_floods_nobody_comes() -> None:
    async def drill() -> None:
        with pytest.raises(StackError, match="nobody can come"):
            await FloodOfRequests("bot", CLIENTS, shows=Harm()).inject(Nothing())

    asyncio.run(drill())
