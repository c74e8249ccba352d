"""What the customers saw in a short stretch of time: counted here, written by others."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence

from drillbook.events import TrafficCounted

# What a locustfile says of its failures is its own business, and must not swell the journal.
_MOST_REASONS = 20
_REASON_LENGTH = 160


class Window:
    """Counts requests until it is taken."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._start = time.monotonic()
        self._requests = 0
        self._failures = 0
        self._latencies: list[float] = []
        self._errors: Counter[str] = Counter()
        self._acknowledged: list[str] = []

    def add(self, *, latency_s: float | None, failure: str | None, acknowledged: str | None = None) -> None:
        """Count a request.

        Args:
            latency_s: how long its answer took in seconds, or None where there was no answer.
            failure: why it failed, or None where it did not.
            acknowledged: the id of the order that its answer confirmed, if it did.
        """
        self._requests += 1
        if latency_s is not None:
            self._latencies.append(latency_s)
        if failure is not None:
            self._failures += 1
            reason = " ".join(failure.split())[:_REASON_LENGTH]
            known = reason in self._errors or len(self._errors) < _MOST_REASONS
            self._errors[reason if known else "other reasons"] += 1
        if acknowledged is not None:
            self._acknowledged.append(acknowledged)

    def take(self) -> TrafficCounted:
        """What was counted since the last time; the next window begins where this one ends."""
        latencies = sorted(self._latencies)
        counted = TrafficCounted(
            start=self._start,
            end=time.monotonic(),
            requests=self._requests,
            failures=self._failures,
            p50_s=percentile(latencies, 50),
            p95_s=percentile(latencies, 95),
            errors=dict(self._errors),
            acknowledged=tuple(self._acknowledged),
        )
        self._begin()
        self._start = counted.end
        return counted


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """The smallest value that at least `percent` of the values reach down from; None where there are none."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)], 6)
