"""The control connection to an edge: JSON lines out, and the reply to each by its number.

It doesn't know whether the edge is a process or a container; see `edge` for what is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from drillbook.errors import StackError

REPLY_DEADLINE_S = 5.0


class EdgeControl:
    """Speaks with an edge over `reader` and `writer`.

    Args:
        reader: what the edge says.
        writer: what it hears.
        describe_end: why it has ended, for those who still wait for a reply then.
        called: is given what the edge says without having been asked.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        describe_end: Callable[[], str],
        called: Callable[[Mapping[str, Any]], Awaitable[None]] | None = None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._describe_end = describe_end
        self._called = called
        self._last_id = 0
        self._replies: dict[int, asyncio.Future[Mapping[str, Any]]] = {
            0: asyncio.get_running_loop().create_future()
        }
        self._calls: set[asyncio.Task[None]] = set()
        self._listener = asyncio.create_task(self._listen(), name="replies of the edge")

    @property
    def ended(self) -> bool:
        """Whether the edge says no more."""
        return self._listener.done()

    def check(self) -> None:
        """Raise where the edge has ended by itself.

        Raises:
            StackError: it has.
        """
        if self.ended:
            raise self._end()

    async def ready(self, deadline_s: float) -> None:
        """Wait for the edge's first word.

        Raises:
            StackError: it does not come within `deadline_s`; the connection is then closed.
        """
        try:
            await self._reply(0, deadline_s)
        except StackError:
            await self.close()
            self._listener.cancel()
            await self.listened()
            raise

    async def request(
        self, request: Mapping[str, object], deadline_s: float = REPLY_DEADLINE_S
    ) -> Mapping[str, Any]:
        """The edge's reply to `request`.

        Raises:
            StackError: it has ended, or does not reply within `deadline_s`.
        """
        self.check()
        self._last_id += 1
        self._replies[self._last_id] = asyncio.get_running_loop().create_future()
        self.say({"id": self._last_id, **request})
        return await self._reply(self._last_id, deadline_s)

    def say(self, message: Mapping[str, object]) -> None:
        """Send one line to which there is no reply."""
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def close(self) -> None:
        """Say no more; again does no harm."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def listened(self) -> None:
        """Wait until everything that the edge said is heard. To be awaited after its end."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(self._listener, *self._calls, return_exceptions=True)  # `check` tells of it

    async def _reply(self, number: int, deadline_s: float) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(deadline_s):
                return await self._replies[number]
        except TimeoutError as error:
            raise StackError(f"the edge did not reply within {deadline_s:g} s") from error
        finally:
            del self._replies[number]

    async def _listen(self) -> None:
        """Give each reply to who waits for it; at the end tell those who still wait."""
        with contextlib.suppress(ConnectionError):  # an end like any other
            while line := await self._reader.readline():
                said = json.loads(line)
                if "id" not in said:
                    self._take_call(said)
                    continue
                waiting = self._replies.get(said["id"])
                if waiting is not None and not waiting.done():
                    waiting.set_result(said)
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_exception(self._end())

    def _take_call(self, said: Mapping[str, Any]) -> None:
        if self._called is not None:
            call: asyncio.Task[None] = asyncio.ensure_future(self._called(said))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    def _end(self) -> StackError:
        return StackError(f"the edge has ended: {self._describe_end()}")
