"""How requests are counted."""

from __future__ import annotations

import pytest

from drillbook.traffic.window import Window, percentile


def test_a_window_counts_what_came_since_the_last_one() -> None:
    window = Window()
    window.add(latency_s=0.1, failure=None, acknowledged="a")
    window.add(latency_s=0.3, failure="HTTP 503")
    window.add(latency_s=None, failure="timed\n out")
    first = window.take()
    assert (first.requests, first.failures) == (3, 2)
    assert (first.p50_s, first.p95_s) == (0.1, 0.3)
    assert first.errors == {"HTTP 503": 1, "timed out": 1}
    assert first.acknowledged == ("a",)
    second = window.take()
    assert (second.requests, second.failures, second.errors, second.acknowledged) == (0, 0, {}, ())
    assert (second.p50_s, second.p95_s) == (None, None)
    assert first.start < first.end == second.start < second.end


def test_the_reasons_of_a_window_are_bounded_and_none_is_lost() -> None:
    window = Window()
    for number in range(50):
        window.add(latency_s=None, failure=f"reason {number} " + "x" * 1000)
    counted = window.take()
    assert sum(counted.errors.values()) == counted.failures == 50
    assert len(counted.errors) == 21
    assert max(map(len, counted.errors)) <= 160


@pytest.mark.parametrize(
    ("values", "percent", "value"),
    [
        ([], 50, None),
        ([1.0], 95, 1.0),
        ([1.0, 2.0], 50, 1.0),
        ([1.0, 2.0, 3.0], 50, 2.0),
        ([float(n) for n in range(1, 101)], 95, 95.0),
        ([1.0, 2.0], 0, 1.0),
        ([1.0, 2.0], 100, 2.0),
    ],
)
def test_a_percentile_is_the_nearest_rank(values: list[float], percent: float, value: float | None) -> None:
    assert percentile(values, percent) == value
