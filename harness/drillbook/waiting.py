"""Waiting on a condition, with a deadline and a message that says what did not come about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from drillbook.errors import StackError

EVERY_S = 0.01


async def until(
    check: Callable[[], Awaitable[bool]], *, deadline_s: float, what: str, every_s: float = EVERY_S
) -> None:
    """Wait until `check` says so, asking every `every_s` seconds.

    Args:
        check: the condition; what it raises ends the waiting.
        deadline_s: how long to wait, in seconds.
        what: the condition in words, to follow "not within N s: ".
        every_s: the pause between two checks, in seconds.

    Raises:
        StackError: `deadline_s` passed first.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    while not await check():
        if loop.time() > end:
            raise StackError(f"not within {deadline_s:g} s: {what}")
        await asyncio.sleep(every_s)
