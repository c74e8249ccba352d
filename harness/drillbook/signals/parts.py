"""Probes of the stack's parts, past any app: whether Redis takes writes, and a table's rows can be locked.

They are the truth of scenarios on an app of which nothing more is known.
"""

from __future__ import annotations

import asyncio

import h11
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from drillbook.app import Look, app_of
from drillbook.errors import NO_TABLE, NotApplicable
from drillbook.protocols import Observation, Stack
from drillbook.signals.http import HttpProbe
from drillbook.signals.sql import SqlProbe

_KEY = "drillbook:probe"
_PATIENCE_S = 0.5


class CacheProbe:
    """Whether the Redis of `stack` takes a write, as its owner, on a connection of its own each time."""

    sli = "cache"
    deadline_s = 1.0
    slow_s = _PATIENCE_S

    def __init__(self, stack: Stack) -> None:
        self._url = stack.cache.url(role="owner")

    async def observe(self) -> Observation:
        """Write a key that is gone at once.

        Raises:
            RedisError: Redis can't be reached, or refuses the write.
        """
        redis = Redis.from_url(
            self._url,
            socket_timeout=self.deadline_s,
            socket_connect_timeout=self.deadline_s,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            await redis.set(_KEY, "1", px=1)
        finally:
            await redis.aclose()
        return Observation(good=True)

    async def close(self) -> None:
        """Nothing is kept open."""


def table_probe(stack: Stack) -> SqlProbe:
    """Whether a row of the app's table could be locked now, as whoever changes one must.

    Raises:
        NotApplicable: there is no such table.
    """
    if not app_of(stack).table:
        raise NotApplicable(NO_TABLE)
    # There may be no row; the table itself is locked all the same, in the mode of a writer's first look.
    sql = f"SELECT count(*) FROM (SELECT FROM {app_of(stack).table} LIMIT 1 FOR UPDATE) AS held"  # noqa: S608
    return SqlProbe("table", lambda: stack.database.connect("app", name="probe"), sql)


async def looks_bad(stack: Stack) -> str | None:
    """What is wrong with the first of the app's looks that is bad or late now, or None."""
    for look in app_of(stack).looks:
        probe = http_probe(look, stack.url)
        try:
            async with asyncio.timeout(look.slow_s):
                seen = await probe.observe()
        except TimeoutError:
            return f"{look.name} takes more than {look.slow_s:g} s"
        except (OSError, h11.RemoteProtocolError) as error:
            return f"{look.name}: {error}"
        if not seen.good:
            return f"{look.name} is answered with {seen.detail}"
    return None


def http_probe(look: Look, url: str) -> HttpProbe:
    """The probe that makes the request `look` of the app at `url`."""
    good = range(200, 300) if look.status is None else (look.status,)
    return HttpProbe(
        look.name,
        look.method,
        f"{url}{look.path}",
        body=look.body,
        good=good,
        deadline_s=look.slow_s,
        slow_s=look.slow_s,
    )
