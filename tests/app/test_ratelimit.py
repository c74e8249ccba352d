"""The token buckets, with a clock that the test sets."""

from __future__ import annotations

import pytest
from starlette.types import Scope

from shop import ratelimit
from shop.ratelimit import Buckets, forwarded_address


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    now = 100.0
    buckets = Buckets(2.0, 3.0, clock=lambda: now)
    assert [buckets.take("a") for _ in range(3)] == [0.0] * 3
    assert buckets.take("a") == pytest.approx(0.5)
    assert buckets.take("b") == 0.0
    now += 0.5
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    now = 100.0
    buckets = Buckets(10.0, 2.0, clock=lambda: now)
    buckets.take("a")
    now += 3600
    assert [buckets.take("a") > 0 for _ in range(3)] == [False, False, True]


def test_the_bucket_longest_unused_is_dropped_when_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ratelimit, "_MOST_BUCKETS", 2)
    buckets = Buckets(1.0, 1.0, clock=lambda: 100.0)
    for key in ("a", "b", "a", "c"):  # a was used after b, so b goes
        buckets.take(key)
    assert buckets.take("a") > 0
    assert buckets.take("b") == 0.0


def scope(*headers: tuple[bytes, bytes]) -> Scope:
    return {"type": "http", "headers": list(headers), "client": ("127.0.0.1", 4000)}


def test_the_first_forwarded_address_counts() -> None:
    assert forwarded_address(scope((b"x-forwarded-for", b" 203.0.113.7 , 10.0.0.1"))) == "203.0.113.7"


@pytest.mark.parametrize("headers", [(), ((b"x-forwarded-for", b""),)])
def test_without_a_proxy_the_peer_counts(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    assert forwarded_address(scope(*headers)) == "127.0.0.1"
