"""Whether the service can do its work: its database and its Redis, each asked under a short deadline.

The provider of text messages is shown and does not count: orders are taken without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from shop.cache import Cache
from shop.database import Database

_DEADLINE_S = 0.4


async def check(database: Database, cache: Cache) -> dict[str, str]:
    """Each part's state: `ok`, or why it is not."""
    states = await asyncio.gather(
        _state(database.ping(timeout_s=_DEADLINE_S)),
        _state(cache.ping()),
    )
    return dict(zip(("database", "redis"), states, strict=True))


async def _state(answer: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(_DEADLINE_S):
            await answer
    except TimeoutError:
        return f"no answer within {_DEADLINE_S:g} s"
    except Exception as error:  # noqa: BLE001  whatever keeps a part from answering is its state
        return f"{type(error).__name__}: {error}".strip(": ")
    return "ok"
