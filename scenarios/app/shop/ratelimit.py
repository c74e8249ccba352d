"""The rate limits: a token bucket for each client, and a window for all of them together.

Who a client is, is for the caller to say. It keeps no more than a bounded number of buckets and moments, and
never limits the health check.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from shop.log import note

_MOST_BUCKETS = 10_000
_WINDOW_S = 1.0


class Buckets:
    """A token bucket for each key.

    Args:
        rate_per_s: the tokens that a bucket gains each second.
        burst: the tokens that it holds at most, and has at first.
        clock: seconds of a clock that never goes back.
    """

    def __init__(self, rate_per_s: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate_per_s
        self._burst = max(1.0, burst)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> float:
        """Take a token: 0 if there was one, else the seconds until there is."""
        now = self._clock()
        tokens, since = self._buckets.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        wait_s = 0.0 if tokens >= 1.0 else (1.0 - tokens) / self._rate
        # Taken out above and put back at the end: the first bucket is the one longest unused.
        self._buckets[key] = (tokens - 1.0 if tokens >= 1.0 else tokens, now)
        if len(self._buckets) > _MOST_BUCKETS:
            del self._buckets[next(iter(self._buckets))]
        return wait_s


class Window:
    """The requests of all clients in the last second. Those refused count as well.

    So whoever knocks on regardless keeps the door shut, and what is let in never exceeds the limit, however
    the requests are spread over the second.

    Args:
        limit: how many there may be in any second; None for as many as come.
        clock: seconds of a clock that never goes back.
    """

    def __init__(self, limit: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = None if limit is None else max(1, int(limit))
        self._clock = clock
        # The limit and one more are enough to tell whether it is exceeded.
        self._moments: deque[float] = deque(maxlen=None if self._limit is None else self._limit + 1)

    def take(self) -> float:
        """Count a request: 0 if it may go on, else the seconds until one may if none comes meanwhile."""
        if self._limit is None:
            return 0.0
        now = self._clock()
        self._moments.append(now)
        while self._moments[0] <= now - _WINDOW_S:
            self._moments.popleft()
        return 0.0 if len(self._moments) <= self._limit else self._moments[1] + _WINDOW_S - now


class RateLimit:
    """ASGI middleware: answers 429 with Retry-After where a client's bucket is empty, or all are too many.

    What a client's own bucket refuses does not count for the limit of all. The log's entry of a request that
    is refused says which `limit` it was, `client` or `total`.
    """

    def __init__(
        self, app: ASGIApp, buckets: Buckets, window: Window, client_of: Callable[[Scope], str]
    ) -> None:
        self._app = app
        self._buckets = buckets
        self._window = window
        self._client_of = client_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 429."""
        if scope["type"] == "http" and scope["path"] != "/health":
            limit, wait_s = "client", self._buckets.take(self._client_of(scope))
            if not wait_s:
                limit, wait_s = "total", self._window.take()
            if wait_s:
                note(scope, limit=limit)
                headers = {"Retry-After": str(math.ceil(wait_s))}
                refusal = JSONResponse({"error": "Too many requests"}, 429, headers)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)
