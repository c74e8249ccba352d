"""A client of the desk, for a program that acts in a drill from outside; see `drillbook.desk`."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from drillbook.desk import near
from drillbook.desk.responder import SOCKET
from drillbook.errors import StackError
from drillbook.orders import LONGEST_LINE

_POLL_S = 0.05
ANSWER_S = 180.0


class DeskClient:
    """A connection to the desk of one drill. Made by `connect`; `async with` closes it.

    Orders are carried out one after another in the order in which they were given.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._one = asyncio.Lock()

    @classmethod
    async def connect(cls, run_dir: Path, *, deadline_s: float = 0.0) -> DeskClient:
        """Connect to the drill in `run_dir`, and wait up to `deadline_s` seconds for its desk to open.

        Raises:
            StackError: there is no desk.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + deadline_s
        while True:
            try:
                return cls(*await near.connect(run_dir / SOCKET, limit=LONGEST_LINE))
            except OSError as error:
                if loop.time() >= end:
                    raise StackError("no drill has its desk open here", path=run_dir) from error
            await asyncio.sleep(_POLL_S)

    async def order(self, order: str, *, answer_s: float = ANSWER_S, **given: object) -> dict[str, Any]:
        """Give `order` and return the answer; `responder.ORDERS` says what each takes and answers.

        Raises:
            StackError: there was no answer within `answer_s` seconds, or the desk was closed.
        """
        async with self._one:
            number = next(self._numbers)
            try:
                async with asyncio.timeout(answer_s):
                    self._writer.write(json.dumps({"id": number, "order": order, **given}).encode() + b"\n")
                    await self._writer.drain()
                    while line := await self._reader.readline():
                        answer: dict[str, Any] = json.loads(line)
                        if answer.get("id") in (number, None):
                            return answer
            except TimeoutError:
                raise StackError(f"the desk did not answer within {answer_s:g} s") from None
            except OSError as error:
                raise StackError(f"the desk was closed: {error.strerror or error}") from error
        raise StackError("the desk was closed: the response is over")

    async def close(self) -> None:
        """Let go of it. Idempotent."""
        self._writer.close()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()
