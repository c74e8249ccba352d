"""What the edge does on one client connection: take a request, pass it to a replica, stream the answer back.

The client's connection is kept alive; a replica gets a connection for each request, so that a replica that
goes away never leaves a stale one behind.
"""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol, TypeAlias

import h11

from drillbook.platforms.edge_headers import declared_length, end_to_end, has_body, is_chunked

Incoming: TypeAlias = "h11.Event | type[h11.NEED_DATA | h11.PAUSED]"

_CHUNK = 65536
_LINGER_S = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What the edge puts up with, in bytes and seconds.

    `head_s` is for the head of a request, and for the pause between two; `body_s` for a silence within a
    body, either way; `connect_s` for a replica to accept; `answer_s` for it to begin its answer.
    """

    head_bytes: int = 64 * 1024
    body_bytes: int = 16 * 1024 * 1024
    head_s: float = 30.0
    body_s: float = 30.0
    connect_s: float = 2.0
    answer_s: float = 60.0


class Choice(Protocol):
    """Where requests can go."""

    def candidates(self) -> tuple[str, ...]:
        """The addresses of the replicas, in the order in which to try them."""

    def take(self, address: str) -> None:
        """A request goes to `address`."""

    async def give_back(self, address: str) -> None:
        """A request to `address` is over."""


class NotServed(Exception):  # noqa: N818 - not an error of the edge, but its answer
    """Raised where the client gets an answer of the edge's own. `reason` is for its body."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(reason)


class Reader(Protocol):
    """Where a client's bytes come from: an `asyncio.StreamReader`, or what stands before one."""

    async def read(self, n: int) -> bytes:
        """At most `n` bytes; none at the end."""

    def at_eof(self) -> bool:
        """Whether the end was reached."""


class ClientGone(Exception):  # noqa: N818 - named for what happened
    """Raised when the client closes its connection within its request."""


class Exchange:
    """One client connection, from its first request to its end.

    `peer` is the client's address where that is not the connection's.
    """

    def __init__(
        self,
        reader: Reader,
        writer: asyncio.StreamWriter,
        choice: Choice,
        limits: Limits,
        *,
        peer: str | None = None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._choice = choice
        self._limits = limits
        self._peer: str = peer or (writer.get_extra_info("peername") or ("",))[0]
        self._client = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)
        self._request_id = ""
        self._received = 0

    async def run(self) -> None:
        """Serve the requests of the connection; returns when it is to be closed."""
        try:
            while await self._serve_one():
                self._client.start_next_cycle()
            await self._linger()
        except (ConnectionError, ClientGone, TimeoutError):
            self._writer.transport.abort()  # the answer is cut short, and the client must see that

    async def _serve_one(self) -> bool:
        """Serve one request; whether the connection can serve another."""
        self._request_id = os.urandom(16).hex()
        self._received = 0
        try:
            try:
                request = await self._take(self._limits.head_s)
            except (TimeoutError, ConnectionError):
                return False
            if not isinstance(request, h11.Request):
                return False
            await self._pass_on(request)
        except h11.RemoteProtocolError as error:
            await self._refuse(NotServed(error.error_status_hint, str(error)))
        except NotServed as error:
            await self._refuse(error)
        return self._client.our_state is h11.DONE and self._client.their_state is h11.DONE

    async def _linger(self) -> None:
        """Let a client that still sends read its answer: closing at once would reset the connection."""
        if self._client.their_state not in (h11.SEND_BODY, h11.ERROR):
            return
        self._writer.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while await self._reader.read(_CHUNK):
                    pass

    async def _take(self, timeout_s: float) -> Incoming:
        """The client's next event.

        Raises:
            TimeoutError: it was silent for `timeout_s`.
        """
        while (event := self._client.next_event()) is h11.NEED_DATA:
            if self._client.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            async with asyncio.timeout(timeout_s):
                self._client.receive_data(await self._reader.read(_CHUNK))
        return event

    async def _send(self, event: h11.Event) -> None:
        self._writer.write(self._client.send(event) or b"")
        async with asyncio.timeout(self._limits.body_s):
            await self._writer.drain()

    async def _pass_on(self, request: h11.Request) -> None:
        if declared_length(request) > self._limits.body_bytes:
            raise NotServed(413, f"the body is larger than {self._limits.body_bytes} bytes")
        address, reader, writer = await self._connect()
        self._choice.take(address)
        replica = h11.Connection(h11.CLIENT, max_incomplete_event_size=self._limits.head_bytes)
        try:
            writer.write(replica.send(self._onward(request, address)) or b"")
            body = asyncio.create_task(self._pass_body(replica, writer))
            try:
                if not has_body(request):
                    await body  # nothing to wait for, and one task less at each read
                await self._pass_answer(replica, reader, body)
            finally:
                body.cancel()
                await asyncio.gather(body, return_exceptions=True)
        finally:
            writer.transport.abort()
            await self._choice.give_back(address)

    async def _connect(self) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the first replica that accepts one.

        Raises:
            NotServed: there is none.
        """
        reason = "no replica is healthy"
        for address in self._choice.candidates():
            host, _, port = address.rpartition(":")
            try:
                async with asyncio.timeout(self._limits.connect_s):
                    return address, *await asyncio.open_connection(host, int(port))
            except (OSError, TimeoutError):  # TimeoutError is an OSError; named for the reader
                reason = "no replica accepts a connection"
        raise NotServed(502, reason)

    def _onward(self, request: h11.Request, address: str) -> h11.Request:
        """The request as the replica gets it."""
        headers = end_to_end(list(request.headers))
        if not any(name == b"host" for name, _ in headers):  # HTTP/1.0 does without
            headers.append((b"host", address.encode()))
        if is_chunked(request):
            headers.append((b"transfer-encoding", b"chunked"))
        headers += [
            (b"x-forwarded-for", self._peer.encode()),
            (b"x-forwarded-proto", b"http"),
            (b"x-request-id", self._request_id.encode()),
            (b"connection", b"close"),
        ]
        return h11.Request(method=request.method, target=request.target, headers=headers)

    async def _pass_body(self, replica: h11.Connection, writer: asyncio.StreamWriter) -> None:
        while isinstance(event := await self._take_body(), h11.Data):
            self._received += len(event.data)
            if self._received > self._limits.body_bytes:
                raise NotServed(413, f"the body is larger than {self._limits.body_bytes} bytes")
            writer.write(replica.send(h11.Data(data=event.data)) or b"")
            await writer.drain()
        writer.write(replica.send(h11.EndOfMessage()) or b"")

    async def _take_body(self) -> Incoming:
        try:
            return await self._take(self._limits.body_s)
        except TimeoutError:
            raise NotServed(408, f"the body paused for {self._limits.body_s:g} s") from None
        except h11.RemoteProtocolError as error:
            if self._reader.at_eof():
                raise ClientGone(str(error)) from None
            raise NotServed(error.error_status_hint, str(error)) from None
        except ConnectionError as error:
            raise ClientGone(str(error)) from None

    async def _pass_answer(
        self, replica: h11.Connection, reader: asyncio.StreamReader, body: asyncio.Task[None]
    ) -> None:
        while True:
            event = await self._next_of(replica, reader, body)
            if isinstance(event, h11.Response):
                await self._send(self._homeward(event))
            elif isinstance(event, h11.Data):
                await self._send(h11.Data(data=event.data))
            elif isinstance(event, h11.EndOfMessage):
                await self._send(h11.EndOfMessage())
                return
            elif not isinstance(event, h11.InformationalResponse):
                raise self._cut(f"the replica sent no answer but {event!r}")

    async def _next_of(
        self, replica: h11.Connection, reader: asyncio.StreamReader, body: asyncio.Task[None]
    ) -> Incoming:
        """The replica's next event, unless the request's body fails first."""
        begun = self._client.our_state is not h11.SEND_RESPONSE
        timeout_s = self._limits.body_s if begun else self._limits.answer_s
        try:
            while (event := replica.next_event()) is h11.NEED_DATA:
                async with asyncio.timeout(timeout_s):
                    replica.receive_data(await _read(reader, body))
        except TimeoutError:
            raise self._cut(f"the replica did not answer within {timeout_s:g} s") from None
        except (h11.RemoteProtocolError, ConnectionError) as error:
            closed = "the replica closed the connection before the end of its answer"
            raise self._cut(closed if reader.at_eof() else f"the replica broke off: {error}") from None
        return event

    def _cut(self, reason: str) -> Exception:
        """What to raise where the replica fails: an answer of our own, unless one has begun."""
        if self._client.our_state is h11.SEND_RESPONSE:
            return NotServed(502, reason)
        return ConnectionResetError(reason)

    def _homeward(self, response: h11.Response) -> h11.Response:
        headers = end_to_end(list(response.headers))
        headers.append((b"x-request-id", self._request_id.encode()))
        return h11.Response(status_code=response.status_code, reason=response.reason, headers=headers)

    async def _refuse(self, error: NotServed) -> None:
        """Answer without a replica, and end the connection: the rest of the request is not read."""
        if self._client.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            raise ConnectionResetError(error.reason)
        phrase = HTTPStatus(error.status).phrase
        body = {
            "status": error.status,
            "error": phrase,
            "reason": error.reason,
            "request_id": self._request_id,
        }
        data = json.dumps(body).encode()
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(data))),
            ("x-request-id", self._request_id),
            ("connection", "close"),
        ]
        await self._send(h11.Response(status_code=error.status, headers=headers, reason=phrase))
        with suppress(h11.LocalProtocolError):  # the answer to a HEAD has no body
            await self._send(h11.Data(data=data))
        await self._send(h11.EndOfMessage())


async def _read(reader: asyncio.StreamReader, body: asyncio.Task[None]) -> bytes:
    """The next bytes of the replica; raises what ended the passing of the body, if that failed."""
    if body.done():
        _raise_failure(body)
        return await reader.read(_CHUNK)
    answer = asyncio.create_task(reader.read(_CHUNK))
    try:
        await asyncio.wait({answer, body}, return_when=asyncio.FIRST_COMPLETED)
        if body.done():
            _raise_failure(body)
        return await answer
    finally:
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)


def _raise_failure(body: asyncio.Task[None]) -> None:
    error = body.exception()
    # A replica that takes no more of the body may still answer (a 413, say): its answer decides then.
    if error is not None and not isinstance(error, BrokenPipeError | ConnectionResetError):
        raise error
