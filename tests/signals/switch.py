"""A real HTTP server whose answers change at known moments, and what the probes made of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import Self

from drillbook.events import Sampled
from drillbook.journal import Journal, events, read

BODY = b'{"status": "ok"}'


@dataclass
class Switch:
    """An HTTP server that is good, or bad in one way: `503`, `hang`, `reset` or `slow`.

    `turn` changes the mode and returns the moment. What hangs goes on hanging after that, for ever.
    """

    mode: str = "good"
    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _talks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        if self._talks:
            await asyncio.wait(self._talks, timeout=5)

    def turn(self, mode: str) -> float:
        self.mode = mode
        return time.monotonic()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer, self.mode))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mode: str) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            body = await reader.readexactly(int(lengths[0].split(b":")[1])) if lengths else b""
            self.requests.append(head + body)
            if mode == "hang":
                await asyncio.get_running_loop().create_future()
            if mode == "slow":
                await asyncio.sleep(0.15)
            if mode == "reset":
                writer.transport.abort()
                return
            status = b"503 Service Unavailable" if mode == "503" else b"200 OK"
            writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(BODY), BODY))
            await writer.drain()


def samples(journal: Journal, sli: str | None = None) -> list[Sampled]:
    """The samples on file, in the order of the file."""
    return [sample for _, sample in events(read(journal.path), Sampled) if sli in (None, sample.sli)]
