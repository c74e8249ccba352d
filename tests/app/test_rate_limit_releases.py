"""The bad releases about limits: one bucket for all behind a proxy, places held by who sends slowly."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from tests.app.servers import App, Site, until

HALF = b"POST /orders HTTP/1.1\r\nHost: shop\r\nX-Forwarded-For: %s\r\nContent-Length: 60\r\n\r\n{"


def statuses(app: App) -> list[int]:
    addresses = [f"203.0.113.{number}" for number in range(1, 5)]
    return [app.http.get("/products", headers={"X-Forwarded-For": each}).status_code for each in addresses]


def test_all_clients_behind_a_proxy_share_one_bucket_in_2026_11_23(site: Site) -> None:
    limits = {"RATE_LIMIT_PER_S": "0.01", "RATE_LIMIT_BURST": "2"}
    with site.app("r2026_11_2", **limits) as app:
        assert statuses(app) == [200] * 4
    with site.app("r2026_11_23", **limits) as app:
        assert statuses(app) == [200, 200, 429, 429]
        assert {entry["client"] for entry in app.entries("request")} == {
            f"203.0.113.{n}" for n in (1, 2, 3, 4)
        }


@contextmanager
def half_sent(app: App, count: int, address: str = "198.51.100.1") -> Iterator[list[socket.socket]]:
    """So many requests whose body does not come."""
    with ExitStack() as ends:
        sockets = []
        for _ in range(count):
            sock = ends.enter_context(socket.create_connection(("127.0.0.1", app.port), 5))
            sock.sendall(HALF % address.encode())
            sockets.append(sock)
        yield sockets


def is_stuck(app: App) -> bool:
    try:
        app.http.get("/health", timeout=0.3)
    except httpx.TimeoutException:
        return True
    return False


def test_sixteen_half_sent_requests_stop_2026_11_24_without_a_line_in_its_log(site: Site) -> None:
    with site.app("r2026_11_24") as app:
        with half_sent(app, 15):
            assert app.http.get("/health").status_code == 200
        before = len(app.entries("request"))
        with half_sent(app, 16):
            until(lambda: is_stuck(app), "it is stuck")
            assert is_stuck(app)
            assert (
                len(app.entries("request")) - before <= 17
            )  # the 15 that went away, and those before it stuck
        until(lambda: not is_stuck(app), "it serves again once they are gone")


@pytest.mark.parametrize(
    ("release", "variables"),
    [("r2026_11_2", {}), ("r2026_11_24", {"BLOCKED_CLIENTS": "198.51.100.0/24"})],
    ids=["the release before", "they are blocked"],
)
def test_half_sent_requests_hold_up_nobody_else(site: Site, release: str, variables: dict[str, str]) -> None:
    with site.app(release, **variables) as app, half_sent(app, 20) as sockets:
        assert app.http.get("/health").status_code == 200
        if variables:
            assert all(sock.recv(12) == b"HTTP/1.1 403" for sock in sockets)
