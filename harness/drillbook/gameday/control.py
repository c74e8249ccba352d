"""The control of a game day: a unix socket that takes the facilitator's orders, as lines of JSON.

Whoever may open the socket may order: it is for the owner alone (0600, in a directory of 0700). It carries no
order out; the game day does, and writes in its journal what came of it.

An order is `{"order": "pause", "who": "the facilitator"}`; the answer `{"ok": true}`, or
`{"ok": false, "error": "why not"}`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drillbook.errors import InputError, StackError

ORDERS = ("pause", "resume", "abort")
_LONGEST_LINE = 16 * 1024
_LONGEST_NAME = 80
_DEADLINE_S = 10.0


class Control:
    """Takes orders until it is closed.

    Args:
        carry_out: is called with an order and who gave it; what it returns is why not, or nothing.
    """

    def __init__(self, carry_out: Callable[[str, str], str]) -> None:
        self._carry_out = carry_out
        # Short, for the address of a unix socket holds some hundred bytes, and a run's directory may be deep.
        self._folder = Path(tempfile.mkdtemp(prefix="drillbook-"))
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def path(self) -> Path:
        """Where the socket is."""
        return self._folder / "control"

    async def start(self) -> None:
        """Take orders from now on.

        Raises:
            StackError: the socket can't be made.
        """
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._accept, self.path, limit=_LONGEST_LINE)
        except OSError as error:
            raise StackError(f"can't make the control socket: {error.strerror}", path=self.path) from error
        finally:
            os.umask(mask)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                error = self._take(line)
                answer = {"ok": False, "error": error} if error else {"ok": True}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            return  # whoever ordered has gone, or sent what is longer than any order
        finally:
            writer.close()

    def _take(self, line: bytes) -> str:
        try:
            order = json.loads(line)
        except ValueError:
            return "not a line of JSON"
        if not isinstance(order, dict) or order.get("order") not in ORDERS:
            return f"the order must be one of {', '.join(ORDERS)}"
        return self._carry_out(str(order["order"]), named(order.get("who")))

    async def close(self) -> None:
        """Take no more orders, and remove the socket. Idempotent."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        shutil.rmtree(self._folder, ignore_errors=True)


def named(who: object) -> str:
    """Who gave an order, as the journal may have it: no control characters, and not long."""
    text = who if isinstance(who, str) else ""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain[:_LONGEST_NAME] or "somebody"


async def order(socket: Path, what: str, who: str) -> str:
    """Give the order `what` at `socket` for `who`; why it was not taken, or nothing.

    Raises:
        InputError: nobody takes orders there.
    """
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(_DEADLINE_S):
            reader, writer = await asyncio.open_unix_connection(socket)
            writer.write(json.dumps({"order": what, "who": who}).encode() + b"\n")
            answer: Any = json.loads(await reader.readline())
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError("the game day takes no orders any more", path=socket) from error
    finally:
        if writer is not None:
            with contextlib.suppress(ConnectionError):
                writer.close()
    return "" if answer.get("ok") else str(answer.get("error"))
