"""Whether something serves: one GET of a health path over HTTP/1.1. It never waits for health, only looks."""

from __future__ import annotations

import asyncio

import h11

HOST = "127.0.0.1"
_SUCCESS = 2  # the class of the status


async def ask(port: int, path: str, *, timeout_s: float, host: str = HOST) -> str | None:
    """GET `path` on a port of `host`: None where the answer is 2xx, else why it is not."""
    try:
        async with asyncio.timeout(timeout_s):
            status = await _status(host, port, path)
    except TimeoutError:
        return f"no answer from {path} within {timeout_s:.1f} s"
    except (OSError, h11.RemoteProtocolError) as error:
        return f"{path} can't be reached: {error}"
    return None if status // 100 == _SUCCESS else f"{path} answered {status}"


async def _status(host: str, port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        connection = h11.Connection(h11.CLIENT)
        headers = [("Host", f"{HOST}:{port}"), ("Connection", "close"), ("User-Agent", "drillbook-health")]
        writer.write(connection.send(h11.Request(method="GET", target=path, headers=headers)) or b"")
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Response):
                return event.status_code
            elif not isinstance(event, h11.InformationalResponse):
                raise ConnectionResetError("it closed the connection without an answer")
    finally:
        writer.transport.abort()
