"""The gate: the edge of a stack in containers, and the worker's way in to what only runs inside.

`python -m drillbook.platforms.gate --listen HOST:PORT --control HOST:PORT --calls HOST:PORT` serves until it
is ended. Customers come to `--listen`; those who are sent by Drillbook say first from which address they come
(a line of the PROXY protocol, version 1), since a published port hides that. The worker comes to `--control`:
its first line is the token in `DRILLBOOK_TOKEN`, and then it speaks as with `edge`, and beside that

- `{"id": 3, "ask": PORT, "host": HOST, "path": "/health", "timeout_s": 1.0}`: replies with `reason`, why what
  listens there does not answer with 2xx, or null where it does;
- what is sent to `--calls`, one line a connection, is passed on as `{"call": 1, "line": "..."}`, and the line
  in the worker's `{"answer": 1, "line": "..."}` is the answer to it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from drillbook.orders import LONGEST_LINE, say, take_orders
from drillbook.platforms.edge import Upstreams, obey
from drillbook.platforms.edge_exchange import Exchange, Limits
from drillbook.platforms.health import HOST, ask

TOKEN = "DRILLBOOK_TOKEN"  # noqa: S105  the name of a variable
_PROXY = b"PROXY TCP4 "
_CHUNK = 65536


class Prefixed:
    """A reader that gives some bytes before those of another."""

    def __init__(self, first: bytes, rest: asyncio.StreamReader) -> None:
        self._first = first
        self._rest = rest

    async def read(self, n: int) -> bytes:
        """At most `n` bytes."""
        if self._first:
            now, self._first = self._first[:n], self._first[n:]
            return now
        return await self._rest.read(n)

    def at_eof(self) -> bool:
        """Whether the end was reached."""
        return not self._first and self._rest.at_eof()


async def announced(reader: asyncio.StreamReader) -> tuple[str | None, Prefixed]:
    """The address that a client says it comes from, if it says so, and the rest of what it sends."""
    first = await reader.read(_CHUNK)
    if not first.startswith(_PROXY):
        return None, Prefixed(first, reader)
    while b"\r\n" not in first and (more := await reader.read(_CHUNK)):
        first += more
    line, _, rest = first.partition(b"\r\n")
    return line.split()[2].decode("ascii", "replace"), Prefixed(rest, reader)


class Gate:
    """What the gate has in hand."""

    def __init__(self, token: str, limits: Limits) -> None:
        self._token = token
        self._limits = limits
        self._upstreams = Upstreams()
        self._worker: asyncio.StreamWriter | None = None
        self._calls: dict[int, asyncio.Future[str]] = {}
        self._last_call = 0

    async def customer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a customer."""
        try:
            peer, rest = await announced(reader)
            await Exchange(rest, writer, self._upstreams, self._limits, peer=peer).run()
        except ConnectionError:
            return
        finally:
            writer.close()

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the worker, once it has shown its token; nobody else is answered."""

        def admitted() -> None:
            self._worker = writer
            say(writer, {"id": 0})

        async def obey(request: Mapping[str, Any]) -> None:
            await self._obey(request, writer)

        await take_orders(reader, writer, self._token, obey, admitted=admitted)

    async def _obey(self, request: Mapping[str, Any], writer: asyncio.StreamWriter) -> None:
        if "answer" in request:
            waiting = self._calls.get(request["answer"])
            if waiting is not None and not waiting.done():
                waiting.set_result(request["line"])
            return
        if "ask" in request:
            host, timeout_s = str(request.get("host", HOST)), float(request["timeout_s"])
            reason = await ask(int(request["ask"]), request["path"], timeout_s=timeout_s, host=host)
            say(writer, {"id": request["id"], "reason": reason})
            return
        say(writer, await obey(self._upstreams, request))

    async def call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass a caller's line on to the worker, and the worker's to the caller."""
        self._last_call += 1
        number = self._last_call
        try:
            line = (await reader.readline()).decode("utf-8", "replace")
            if self._worker is None or not line:
                return
            self._calls[number] = asyncio.get_running_loop().create_future()
            say(self._worker, {"call": number, "line": line})
            writer.write((await self._calls[number]).encode())
            await writer.drain()
        except ConnectionError:
            return  # the caller was ended at its deadline
        finally:
            self._calls.pop(number, None)
            writer.close()


async def serve(listen: str, control: str, calls: str, token: str, limits: Limits) -> None:
    """Serve until cancelled."""
    gate = Gate(token, limits)
    servers = []
    for at, take in ((listen, gate.customer), (control, gate.control), (calls, gate.call)):
        host, _, port = at.rpartition(":")
        server = await asyncio.start_server(take, host, int(port), backlog=1024, limit=LONGEST_LINE)
        servers.append(server)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the gate; 1 with one line on standard error where it can't listen."""
    parser = argparse.ArgumentParser(prog="drillbook.platforms.gate", description=__doc__)
    for name in ("--listen", "--control", "--calls"):
        parser.add_argument(name, required=True, metavar="HOST:PORT")
    given = parser.parse_args(argv)
    try:
        asyncio.run(serve(given.listen, given.control, given.calls, os.environ[TOKEN], Limits()))
    except OSError as error:
        sys.stderr.write(f"can't listen: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
