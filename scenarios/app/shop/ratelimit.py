"""The rate limit: a token bucket for each client. Who a client is, is for the caller to say.

It keeps no more than a bounded number of buckets, and never limits the health check.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_MOST_BUCKETS = 10_000


def forwarded_address(scope: Scope) -> str:
    """The client's address as the proxy in front gives it; without a proxy, the peer's.

    The first address of X-Forwarded-For counts, so the proxy must overwrite what the client sent.
    """
    forwarded = Headers(scope=scope).get("x-forwarded-for", "").partition(",")[0].strip()
    if forwarded:
        return forwarded
    client = scope.get("client")
    return client[0] if client else ""


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


class RateLimit:
    """ASGI middleware: answers 429 with Retry-After to a client whose bucket is empty."""

    def __init__(self, app: ASGIApp, buckets: Buckets, client_of: Callable[[Scope], str]) -> None:
        self._app = app
        self._buckets = buckets
        self._client_of = client_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 429."""
        if scope["type"] == "http" and scope["path"] != "/health":
            wait_s = self._buckets.take(self._client_of(scope))
            if wait_s:
                headers = {"Retry-After": str(math.ceil(wait_s))}
                refusal = JSONResponse({"error": "Too many requests"}, 429, headers)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)
