"""An occasion: the event comes first, the fault alone is the cause, and both are undone."""

from __future__ import annotations

import asyncio
from typing import cast

from drillbook.faults.occasion import Occasion
from drillbook.protocols import Stack

NO_STACK = cast("Stack", None)  # what these faults do needs none


class Noted:
    """A fault that notes what is asked of it."""

    name = "noted"

    def __init__(self, log: list[str]) -> None:
        self._log = log

    async def inject(self, stack: Stack) -> None:
        del stack
        self._log.append("injected")

    async def confirm(self, stack: Stack) -> str:
        del stack
        return "it took"

    async def cause(self, stack: Stack) -> str | None:
        del stack
        return None if "healed" in self._log else "it is there"

    async def heal(self, stack: Stack) -> None:
        del stack
        self._log.append("healed")


def test_the_event_comes_before_the_fault_and_is_undone_after_it() -> None:
    log: list[str] = []

    async def event(stack: Stack) -> None:
        del stack
        log.append("happened")

    async def undo(stack: Stack) -> None:
        del stack
        log.append("undone")

    async def check() -> None:
        occasion = Occasion(Noted(log), event=event, undo=undo)
        assert occasion.name == "noted"
        await occasion.inject(NO_STACK)
        assert log == ["happened", "injected"]
        assert await occasion.confirm(NO_STACK) == "it took"
        assert await occasion.cause(NO_STACK) == "it is there"
        await occasion.heal(NO_STACK)
        assert log == ["happened", "injected", "healed", "undone"]
        assert await occasion.cause(NO_STACK) is None

    asyncio.run(check())
