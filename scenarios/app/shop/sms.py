"""Text messages to customers, through the provider's API, in a bounded number of tries.

`send_later` costs the caller nothing and may lose a message, of which the log tells; `send` waits for the
provider, and fails where it does.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shop.config import Settings
from shop.log import logger

if TYPE_CHECKING:
    import httpx

TRIES = 3
TIMEOUT_S = 1.0
_FIRST_PAUSE_S = 0.1
_SENDERS = 4
_MOST_WAITING = 200
# The provider may recover from these by itself. Anything else it would only refuse again.
_WORTH_ANOTHER_TRY = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class TextMessage:
    """What a customer is to read."""

    to: str
    text: str


class NotSentError(Exception):
    """Raised when a message could not be sent; its text says why."""


class SmsClient:
    """Sends messages, those that can wait from a bounded queue.

    `state` is what the last message met with: `unknown` before the first one, `ok`, or `failing`.
    """

    def __init__(self, settings: Settings) -> None:
        self.state = "unknown"
        self._url = f"{settings.sms_api_url.rstrip('/')}/messages"
        self._key = settings.sms_api_key
        self._queue: asyncio.Queue[TextMessage] = asyncio.Queue(_MOST_WAITING)
        self._work: asyncio.Task[None] | None = None
        self._client: asyncio.Future[httpx.AsyncClient] | None = None

    async def open(self) -> None:
        """Begin to send."""
        self._client = asyncio.get_running_loop().create_future()
        self._work = asyncio.create_task(self._run(), name="sms")

    async def close(self) -> None:
        """Stop sending; what still waits is lost."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work], timeout=0.2)
        if not self._queue.empty():
            logger.warning("messages were not sent", extra={"data": {"messages": self._queue.qsize()}})

    def send_later(self, message: TextMessage) -> None:
        """Have `message` sent in the background; where too many wait already, it is dropped."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            logger.warning("a message was dropped: too many wait")

    async def send(self, message: TextMessage) -> None:
        """Send `message` now.

        Raises:
            NotSentError: the provider did not take it.
        """
        if self._client is None:
            raise NotSentError("sending has not begun")
        reason = await self._send(await asyncio.shield(self._client), message)
        self.state = "failing" if reason else "ok"
        if reason:
            raise NotSentError(reason)

    async def _run(self) -> None:
        # httpx takes as long to import as the rest of the service's start; the service need not wait.
        client = await asyncio.to_thread(_make_client, self._key)
        if self._client is not None:
            self._client.set_result(client)
        async with client, asyncio.TaskGroup() as senders:
            for _ in range(_SENDERS):
                senders.create_task(self._send_all(client))

    async def _send_all(self, client: httpx.AsyncClient) -> None:
        while True:
            message = await self._queue.get()
            reason = await self._send(client, message)
            self.state = "failing" if reason else "ok"
            if reason:
                logger.warning("a message was not sent", extra={"data": {"reason": reason}})

    async def _send(self, client: httpx.AsyncClient, message: TextMessage) -> str:
        """Why the message could not be sent, or nothing."""
        reason = ""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(_FIRST_PAUSE_S * 2 ** (attempt - 1))
            reason, again = await self._try(client, message)
            if not again:
                break
        return reason

    async def _try(self, client: httpx.AsyncClient, message: TextMessage) -> tuple[str, bool]:
        import httpx  # noqa: PLC0415  slow to import, see _run

        try:
            response = await client.post(self._url, json={"to": message.to, "text": message.text})
        except httpx.HTTPError as error:
            return type(error).__name__, True
        if response.is_success:
            return "", False
        return f"the provider answered {response.status_code}", response.status_code in _WORTH_ANOTHER_TRY


def _make_client(key: str) -> httpx.AsyncClient:
    import httpx  # noqa: PLC0415  slow to import, see _run

    return httpx.AsyncClient(timeout=TIMEOUT_S, headers={"Authorization": f"Bearer {key}"}, trust_env=False)
