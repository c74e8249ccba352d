"""The HTTP probe: one request on a connection of its own, as a customer who comes anew would make it.

It follows no redirect and keeps no connection. It speaks h11 over a plain socket, since a look so costs a
quarter of the processor time that an HTTP client would take, beside the very system that is looked at.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Container, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import h11

from drillbook.errors import InputError
from drillbook.model import Json
from drillbook.protocols import Observation

_CHUNK = 65536
# Whether a look says from which address it comes (a line of the PROXY protocol) in place of coming from
# there: for a stack that is behind a published port, which hides that. Set once, by the backend.
_announces = False
_LONGEST_BODY = 1 << 20


def announce_sources() -> None:
    """From now on let every look say from which address it comes, as a stack in containers expects."""
    global _announces  # noqa: PLW0603  one drill a process
    _announces = True


class HttpProbe:
    """Requests `url` and expects a status in `good`.

    Args:
        sli: the SLI's name.
        method: the HTTP method.
        url: an `http://` URL.
        body: what to send as JSON, if anything.
        good: the statuses that are good.
        deadline_s: how long a look may take, in seconds.
        slow_s: how long a good look may take, in seconds.
        headers: more headers to send.
        source: the address to come from, if this machine has it: by it a service may tell clients apart.

    Raises:
        InputError: `url` is not an `http://` URL.
    """

    def __init__(
        self,
        sli: str,
        method: str,
        url: str,
        *,
        body: Json = None,
        good: Container[int] = range(200, 300),
        deadline_s: float = 1.0,
        slow_s: float = 0.5,
        headers: Mapping[str, str] | None = None,
        source: str | None = None,
    ) -> None:
        self.sli = sli
        self.deadline_s = deadline_s
        self.slow_s = slow_s
        self._good = good
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise InputError(f"{url!r} can't be probed", hint="give an http:// URL")
        self._host, self._port = parts.hostname, parts.port or 80
        announced = f"PROXY TCP4 {source or '127.0.0.1'} 127.0.0.1 1 {self._port}\r\n".encode()
        self._first = announced if _announces else b""
        own_address = source is not None and not _announces and _has_address(source)
        self._from = (source, 0) if source is not None and own_address else None
        self._body = b"" if body is None else json.dumps(body).encode()
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        own = {"Host": parts.netloc, "Connection": "close", "User-Agent": "drillbook", **(headers or {})}
        if body is not None:
            own |= {"Content-Type": "application/json", "Content-Length": str(len(self._body))}
        self._request = h11.Request(method=method, target=target, headers=list(own.items()))

    async def observe(self) -> Observation:
        """Make one request and read the whole answer.

        Raises:
            OSError: the connection can't be made, or broke.
            h11.RemoteProtocolError: the answer is not HTTP, or is cut short.
        """
        reader, writer = await asyncio.open_connection(self._host, self._port, local_addr=self._from)
        try:
            status = await self._exchange(reader, writer)
        finally:
            writer.transport.abort()
        return Observation(good=status in self._good, detail=_name(status))

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        talk = h11.Connection(h11.CLIENT)
        sent = talk.send(self._request) or b""
        if self._body:
            sent += talk.send(h11.Data(self._body)) or b""
        writer.write(self._first + sent + (talk.send(h11.EndOfMessage()) or b""))
        status, length = 0, 0
        while True:
            event = talk.next_event()
            if event is h11.NEED_DATA:
                data = await reader.read(_CHUNK)
                if not data and not status:
                    raise ConnectionError("the connection was closed before an answer")
                talk.receive_data(data)
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                length += len(event.data)
                if length > _LONGEST_BODY:
                    return status
            elif isinstance(event, h11.EndOfMessage):
                return status


def _has_address(address: str) -> bool:
    """Whether this machine can connect from `address`; most have no more of the loopback than 127.0.0.1."""
    with socket.socket() as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True


def _name(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
