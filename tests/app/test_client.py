"""Who a client is, whom the service does not serve, and which limit it was: from the address to the log."""

from __future__ import annotations

import pytest
from starlette.types import Scope
from tests.app.servers import App, Site

from shop.client import forwarded_address, peer_address


def scope(*headers: tuple[bytes, bytes]) -> Scope:
    return {"type": "http", "headers": list(headers), "client": ("127.0.0.1", 4000)}


def test_the_first_forwarded_address_counts() -> None:
    assert forwarded_address(scope((b"x-forwarded-for", b" 203.0.113.7 , 10.0.0.1"))) == "203.0.113.7"


@pytest.mark.parametrize("headers", [(), ((b"x-forwarded-for", b""),)])
def test_without_a_proxy_the_peer_counts(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    assert forwarded_address(scope(*headers)) == "127.0.0.1"


def test_a_forwarded_address_is_not_the_peers() -> None:
    assert peer_address(scope((b"x-forwarded-for", b"203.0.113.7"))) == "127.0.0.1"


def ask(app: App, address: str, path: str = "/products/tea-001") -> int:
    return app.http.get(path, headers={"X-Forwarded-For": address}).status_code


def test_blocked_clients_are_answered_403_whatever_they_ask_for_but_their_health_check(site: Site) -> None:
    with site.app(BLOCKED_CLIENTS="203.0.113.7, 198.51.100.0/24") as app:
        assert ask(app, "203.0.113.7") == 403
        assert ask(app, "198.51.100.99") == 403
        assert ask(app, "203.0.113.8") == 200
        assert ask(app, "unknown") == 200
        assert ask(app, "203.0.113.7", "/health") == 200


def test_a_client_who_has_used_up_their_bucket_leaves_the_others_theirs(site: Site) -> None:
    with site.app(RATE_LIMIT_PER_S="0.01", RATE_LIMIT_BURST="2", RATE_LIMIT_TOTAL_PER_S="4") as app:
        assert [ask(app, "203.0.113.7") for _ in range(8)] == [200] * 2 + [429] * 6
        # What their own bucket refused does not count for all.
        assert ask(app, "203.0.113.8") == 200
        limits = [entry.get("limit") for entry in app.entries("request")]
    assert limits == [None, None, *["client"] * 6, None]


def test_the_log_tells_who_asked_and_which_limit_refused_them(site: Site) -> None:
    with site.app(RATE_LIMIT_TOTAL_PER_S="2", BLOCKED_CLIENTS="203.0.113.9") as app:
        assert ask(app, "203.0.113.9") == 403
        statuses = [ask(app, f"203.0.113.{number}") for number in range(1, 5)]
        entries = [(e["client"], e["status"], e.get("limit")) for e in app.entries("request")]
    assert statuses == [200, 200, 429, 429]
    assert entries == [
        ("203.0.113.9", 403, None),
        ("203.0.113.1", 200, None),
        ("203.0.113.2", 200, None),
        ("203.0.113.3", 429, "total"),
        ("203.0.113.4", 429, "total"),
    ]
