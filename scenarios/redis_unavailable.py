"""Redis unavailable: it does not answer, or does not do what it is asked for.

The truth of this scenario is whether a customer can log in, which writes a session; what the service's own
health check sees of Redis differs from variant to variant.
"""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from drillbook.app import app_of
from drillbook.faults.endless_script import EndlessScript
from drillbook.faults.read_only_replica import ReadOnlyReplica
from drillbook.faults.redis_down import RedisDown
from drillbook.faults.rotated_password import RotatedPassword, new_variables
from drillbook.model import Json
from drillbook.protocols import Fault, Probe, Scenario, Setup, Stack, Variant
from drillbook.signals.http import HttpProbe
from drillbook.signals.parts import CacheProbe


def _probes(stack: Stack) -> Sequence[Probe]:
    if not app_of(stack).is_shop:
        return [CacheProbe(stack)]
    login: dict[str, Json] = {"customer": "+4915100000"}
    return [HttpProbe("login", "POST", f"{stack.url}/login", body=login, deadline_s=0.5, slow_s=0.5)]


async def _start_redis(stack: Stack, _: Fault) -> None:
    await stack.cache.revive()


async def _promote(stack: Stack, _: Fault) -> None:
    async with Redis.from_url(stack.cache.url()) as redis:
        await redis.slaveof()


async def _tell_the_service(stack: Stack, _: Fault) -> None:
    await stack.platform.set_variables(new_variables(stack))


async def _kill_script(stack: Stack, _: Fault) -> None:
    async with Redis.from_url(stack.cache.url()) as redis:
        await redis.script_kill()


SCENARIO = Scenario(
    name="redis-unavailable",
    title="Redis unavailable",
    severity="SEV2",
    section="Redis Issues",
    symptoms=(
        "customers can't log in",
        "the log repeats that Redis can't be read or written",
        "the health check fails, or answers late",
    ),
    probes=_probes,
    variants=(
        Variant(
            "down",
            "The Redis server was killed and stays down.",
            RedisDown,
            "Start the server.",
            _start_redis,
            # Without it, its end would lose the sessions, and no cure could bring them back.
            Setup(cache={"appendonly": "yes"}),
        ),
        Variant(
            "read-only-replica",
            "A failover ended halfway: the server is the replica of one that is not there.",
            lambda: ReadOnlyReplica("half-a-failover"),
            "Make it a primary with REPLICAOF NO ONE.",
            _promote,
        ),
        Variant(
            "auth-rotated",
            "The password was rotated, and neither the service nor the operator was told.",
            lambda: RotatedPassword("password-rotated"),
            "Set the service's REDIS_URL to the new password.",
            _tell_the_service,
        ),
        Variant(
            "blocked-by-script",
            "A script that does not end keeps the server from doing anything else.",
            lambda: EndlessScript("endless-script"),
            "SCRIPT KILL.",
            _kill_script,
            Setup(cache={"lua-time-limit": "200"}),
        ),
    ),
    needs=("cache",),
)
