"""The token buckets and the window, with a clock that the test sets."""

from __future__ import annotations

import pytest

from shop import ratelimit
from shop.ratelimit import Buckets, Window


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


def test_a_window_lets_in_no_more_than_its_limit_in_any_second() -> None:
    now = 100.0
    window = Window(3.0, clock=lambda: now)
    assert [window.take() for _ in range(3)] == [0.0] * 3
    assert window.take() > 0
    now += 1.01
    assert window.take() == 0.0


def test_who_knocks_on_regardless_keeps_the_window_shut() -> None:
    now = 100.0
    window = Window(3.0, clock=lambda: now)
    refused = []
    for _ in range(40):
        refused.append(window.take() > 0)
        now += 0.25  # four a second, of which three may be
    assert refused[:3] == [False] * 3
    assert all(refused[3:])


def test_a_window_says_when_a_request_may_go_on_if_none_comes_meanwhile() -> None:
    now = 100.0
    window = Window(2.0, clock=lambda: now)
    for _ in range(3):
        wait_s = window.take()
        now += 0.1
    now += wait_s - 0.1
    assert window.take() == 0.0


def test_without_a_limit_a_window_lets_all_in() -> None:
    window = Window(None, clock=lambda: 100.0)
    assert not any(window.take() for _ in range(1000))
