"""A stand-in for the provider of text messages: `python provider.py --port N [--host HOST]`.

`POST /messages` takes a message, `GET /_stub` shows how often that was asked, and `PUT /_stub` with
`{"mode": ...}` makes it misbehave, with `{"key": ...}` take no other key than that one. It sends nothing
anywhere and keeps no message.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

import h11

HOST = "127.0.0.1"
_READ_S = 60.0
_CHUNK = 65536
_MOST_BODY = 1 << 20
_ANSWERS: dict[str, tuple[HTTPStatus, dict[str, str]]] = {
    "ok": (HTTPStatus.ACCEPTED, {"status": "accepted"}),
    "error-500": (HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "internal error"}),
    "rate-limited": (HTTPStatus.TOO_MANY_REQUESTS, {"error": "too many requests"}),
    "unauthorized": (HTTPStatus.UNAUTHORIZED, {"error": "invalid key"}),
}
MODES = (*_ANSWERS, "hang")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body."""

    status: HTTPStatus
    body: object


@dataclass(slots=True)
class Stub:
    """How the provider behaves, and how often it was asked to send.

    `hits` counts the messages it was sent, whatever it answered; `accepted` those that it took. `key` is
    the one that it takes, and None where it takes any.
    """

    mode: str = "ok"
    key: str | None = None
    hits: int = 0
    accepted: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, method: str, path: str, body: bytes, key: str) -> Answer:
        """The answer to one request; in mode `hang` a message's answer comes when the mode changes."""
        if path == "/messages" and method == "POST":
            return await self._take(key)
        if path == "/_stub" and method == "GET":
            return self._shown()
        if path == "/_stub" and method == "PUT":
            return self._set(body)
        return Answer(HTTPStatus.NOT_FOUND, {"error": f"no {method} {path} here"})

    async def _take(self, key: str) -> Answer:
        self.hits += 1
        while self.mode == "hang":
            await self._changed.wait()
        mode = "unauthorized" if self.mode == "ok" and self.key not in (None, key) else self.mode
        status, body = _ANSWERS[mode]
        self.accepted += mode == "ok"
        return Answer(status, body)

    def _shown(self) -> Answer:
        shown = {"mode": self.mode, "key": self.key, "hits": self.hits, "accepted": self.accepted}
        return Answer(HTTPStatus.OK, shown)

    def _set(self, body: bytes) -> Answer:
        try:
            wanted = json.loads(body)
        except ValueError:
            return Answer(HTTPStatus.BAD_REQUEST, {"error": "the body is not JSON"})
        if not isinstance(wanted, dict) or not wanted.keys() & {"mode", "key"}:
            return Answer(HTTPStatus.BAD_REQUEST, {"error": "the body sets neither mode nor key"})
        mode, key = wanted.get("mode", self.mode), wanted.get("key", self.key)
        if mode not in MODES:
            return Answer(HTTPStatus.BAD_REQUEST, {"error": f"mode must be one of {', '.join(MODES)}"})
        if not isinstance(key, str | None):
            return Answer(HTTPStatus.BAD_REQUEST, {"error": "key must be a text or null"})
        self.mode, self.key = mode, key
        self._changed.set()
        self._changed = asyncio.Event()
        return self._shown()


class Exchange:
    """One client's connection: its requests, one after the other."""

    def __init__(self, stub: Stub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._stub = stub
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def run(self) -> None:
        """Answer until either side closes."""
        try:
            while await self._one():
                self._http.start_next_cycle()
        except (ConnectionError, TimeoutError):
            return  # the client is gone, or has nothing to say; both are its right
        except h11.RemoteProtocolError as error:
            with suppress(ConnectionError):
                await self._send(Answer(HTTPStatus.BAD_REQUEST, {"error": str(error)}))
        finally:
            self._writer.close()

    async def _one(self) -> bool:
        """Answer one request; whether another may follow."""
        request = await self._next_event()
        if not isinstance(request, h11.Request):
            return False
        body = b""
        while isinstance(event := await self._next_event(), h11.Data):
            body += event.data
            if len(body) > _MOST_BODY:
                raise h11.RemoteProtocolError("the body is too large")
        path = request.target.partition(b"?")[0].decode("latin-1")
        headers = {name: value.decode("latin-1") for name, value in request.headers}
        key = headers.get(b"authorization", "").removeprefix("Bearer ")
        await self._send(await self._stub.answer(request.method.decode("latin-1"), path, body, key))
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _next_event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(_READ_S):
                self._http.receive_data(await self._reader.read(_CHUNK))
        return event

    async def _send(self, answer: Answer) -> None:
        data = json.dumps(answer.body).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(data)))]
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            headers.append(("Retry-After", "1"))
        response = h11.Response(status_code=answer.status, headers=headers)
        for event in (response, h11.Data(data=data), h11.EndOfMessage()):
            self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()


async def serve(port: int, say: Callable[[str], object], host: str = HOST) -> None:
    """Serve on `port` of `host` until SIGTERM or SIGINT; 0 takes a free one, and `say` tells which."""
    stub = Stub()
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(Exchange(stub, reader, writer).run())
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(accept, host, port, backlog=512)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    say(f"listening on {host}:{server.sockets[0].getsockname()[1]}\n")
    await stop.wait()
    server.close()
    for task in connections:
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; 1 with one line on standard error where the port can't be had."""
    parser = argparse.ArgumentParser(description="A stand-in for the provider of text messages.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default=HOST)
    options = parser.parse_args(arguments)
    port = options.port

    def say(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    try:
        asyncio.run(serve(port, say, options.host))
    except (OSError, OverflowError) as error:
        sys.stderr.write(f"can't listen on port {port}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
