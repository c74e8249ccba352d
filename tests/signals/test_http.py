"""The HTTP probe against a real server."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tests.signals.switch import BODY, Switch

from drillbook.errors import InputError
from drillbook.protocols import Observation
from drillbook.signals.http import HttpProbe


def test_a_status_in_the_good_range_is_good_and_another_is_bad() -> None:
    async def scene() -> None:
        async with Switch() as server:
            probe = HttpProbe("health", "GET", f"{server.url}/health?full=1")
            assert await probe.observe() == Observation(good=True, detail="200 OK")
            server.turn("503")
            assert await probe.observe() == Observation(good=False, detail="503 Service Unavailable")
            tolerant = HttpProbe("health", "GET", server.url, good=(503,))
            assert (await tolerant.observe()).good
        assert server.requests[0].startswith(b"GET /health?full=1 HTTP/1.1\r\n")

    asyncio.run(scene())


def test_a_body_is_sent_as_json_with_the_headers_given() -> None:
    async def scene() -> bytes:
        async with Switch() as server:
            probe = HttpProbe("order", "POST", server.url, body={"sku": "tea"}, headers={"X-From": "probe"})
            assert (await probe.observe()).good
            return server.requests[0]

    request = asyncio.run(scene())
    assert request.startswith(b"POST / HTTP/1.1\r\n")
    assert b"\r\nX-From: probe\r\n" in request
    assert b"\r\nContent-Type: application/json\r\n" in request
    assert request.endswith(b'\r\n\r\n{"sku": "tea"}')


def test_an_empty_port_and_a_broken_answer_are_raised() -> None:
    async def scene() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            await HttpProbe("health", "GET", f"http://127.0.0.1:{port}").observe()
        async with Switch(mode="reset") as server:
            with pytest.raises(ConnectionError, match="closed before an answer"):
                await HttpProbe("health", "GET", server.url).observe()

    asyncio.run(scene())


@pytest.mark.parametrize("url", ["https://example.org", "example.org/health", "http://"])
def test_only_http_urls_are_probed(url: str) -> None:
    with pytest.raises(InputError, match="can't be probed"):
        HttpProbe("health", "GET", url)


def test_each_look_is_a_connection_of_its_own() -> None:
    async def scene() -> None:
        ports = []

        def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ports.append(writer.get_extra_info("peername")[1])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY))
            writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            probe = HttpProbe("health", "GET", f"http://127.0.0.1:{port}")
            for _ in range(3):
                assert (await probe.observe()).good
        assert len(set(ports)) == 3

    asyncio.run(scene())


def test_a_look_comes_from_the_address_given_or_from_any_where_this_machine_has_it_not() -> None:
    async def scene() -> list[str]:
        peers = []

        def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peers.append(writer.get_extra_info("peername")[0])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY))
            writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            for source in ("127.0.0.1", "203.0.113.7", None):
                assert (await HttpProbe("page", "GET", url, source=source).observe()).good
            with socket.socket() as trial:
                try:
                    trial.bind(("127.0.1.254", 0))
                except OSError:
                    return peers  # as on macOS, whose loopback has one address
            assert (await HttpProbe("page", "GET", url, source="127.0.1.254").observe()).good
        return peers

    peers = asyncio.run(scene())
    assert peers[:3] == ["127.0.0.1"] * 3
    assert peers[3:] in ([], ["127.0.1.254"])
