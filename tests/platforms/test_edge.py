"""The edge, between raw clients and real replicas."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.platforms.world import World


async def raw(port: int, request: bytes) -> bytes:
    """All that the edge sends for `request`, until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


def test_a_request_goes_on_with_the_address_of_its_client(world: World) -> None:
    async def drill() -> None:
        async with world.started(), world.client() as client:
            answer = await client.get("/", headers={"X-Forwarded-For": "8.8.8.8", "X-Other": "kept"})
            headers = httpx.Headers([(name, value) for name, value in answer.json()["headers"]])
            assert headers.get_list("x-forwarded-for") == ["127.0.0.1"], "not what the client says of itself"
            assert headers.get_list("x-request-id") == [answer.headers["x-request-id"]]
            assert headers.get_list("x-other") == ["kept"]

    asyncio.run(drill())


def test_each_replica_gets_as_many_requests_in_an_order_that_changes(world: World) -> None:
    async def drill() -> None:
        async with world.started(replicas=2):
            pids = [(await world.seen())["pid"] for _ in range(40)]
            one, other = Counter(pids).values()
            assert abs(one - other) <= 2, "the first and the last round may be half ones"
            assert len(set(pids[::2])) == 2, "who asks for two things in turn meets both replicas with each"

    asyncio.run(drill())


def test_bodies_pass_whole_in_both_directions(world: World) -> None:
    body = bytes(range(256)) * 8192

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    async def drill() -> None:
        async with world.started(), world.client() as client:
            for content in (body, pieces()):
                assert (await client.post("/echo", content=content)).content == body
            assert (await client.get("/chunked")).content == b"onetwo"
            assert (await client.head("/")).headers["content-length"] != "0"

    asyncio.run(drill())


def test_without_a_replica_the_answer_is_a_502_that_says_so(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform, world.client() as client:
            await platform.scale(0)
            answer = await client.get("/")
            assert answer.status_code == 502
            assert answer.json()["reason"] == "no replica is healthy"
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
            assert (await client.head("/")).status_code == 502

    asyncio.run(drill())


def test_a_replica_that_closes_without_an_answer_is_a_502(world: World) -> None:
    async def drill() -> None:
        async with world.started(), world.client() as client:
            answer = await client.get("/silent")
            assert (answer.status_code, answer.json()["reason"]) == (
                502,
                "the replica closed the connection before the end of its answer",
            )

    asyncio.run(drill())


def test_an_answer_that_breaks_off_is_cut_for_the_client_too(world: World) -> None:
    async def drill() -> None:
        async with world.started(), world.client() as client:
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                await client.get("/cut")

    asyncio.run(drill())


def test_an_answer_before_the_end_of_the_body_reaches_the_client(world: World) -> None:
    head = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nnot all of it"

    async def drill() -> None:
        async with world.started():
            assert (await raw(world.port, head)).startswith(b"HTTP/1.1 403 ")

    asyncio.run(drill())


def test_what_is_malformed_or_too_large_is_refused(world: World) -> None:
    requests = (
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", 431),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    )

    async def drill() -> None:
        async with world.started():
            for request, status in requests:
                assert (await raw(world.port, request)).startswith(f"HTTP/1.1 {status} ".encode())
                assert await world.get("/") == 200, "and the next request is served"

    asyncio.run(drill())


def test_a_connection_serves_one_request_after_another(world: World) -> None:
    requests = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    async def drill() -> None:
        async with world.started():
            assert (await raw(world.port, requests)).count(b"HTTP/1.1 200 ") == 2

    asyncio.run(drill())


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(world: World) -> None:
    async def drill() -> None:
        async with world.started():
            reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n")
            writer.write(b"Connection: close\r\n\r\n")
            async with asyncio.timeout(10):
                assert (await reader.readline()).startswith(b"HTTP/1.1 100 ")
                writer.write(b"body")
                assert (await reader.read()).endswith(b"\r\n\r\nbody")
            writer.close()

    asyncio.run(drill())


def test_a_client_of_http_1_0_is_served(world: World) -> None:
    async def drill() -> None:
        async with world.started():
            assert b" 200 " in (await raw(world.port, b"GET / HTTP/1.0\r\n\r\n")).splitlines()[0]

    asyncio.run(drill())
