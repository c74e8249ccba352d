"""Orders over a connection: lines of JSON from whoever showed the token, each carried out in its own task.

It knows no order; whoever serves says what comes of one.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

LONGEST_LINE = 8 * 1024 * 1024
"""The limit of a reader's line, in bytes."""


async def take_orders(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    token: str,
    carry_out: Callable[[Mapping[str, Any]], Awaitable[None]],
    *,
    admitted: Callable[[], None] = lambda: None,
) -> None:
    """Serve one connection to its end; orders that are not done by then are cancelled.

    Args:
        reader: what is said.
        writer: is closed at the end.
        token: what the first line must be; nobody else is answered.
        carry_out: does what an order asks for.
        admitted: is called once the token was shown.
    """
    tasks: set[asyncio.Task[None]] = set()
    try:
        said = (await reader.readline()).decode("ascii", "replace").strip()
        if not hmac.compare_digest(said.encode(), token.encode()):
            return
        admitted()
        while line := await reader.readline():
            task = asyncio.ensure_future(carry_out(json.loads(line)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    except ConnectionError:
        return
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()


def say(writer: asyncio.StreamWriter, message: Mapping[str, object]) -> None:
    """Write a message as a line; that nobody listens any more does no harm."""
    with contextlib.suppress(ConnectionError):
        writer.write(json.dumps(message).encode() + b"\n")
