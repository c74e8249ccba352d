"""High latency: the service answers, and too late for its customers.

Runbooks speak of two seconds; customers give up sooner, so an answer that takes longer than half a second is
bad here, whatever it says. The truth of this scenario is, beside what the monitoring looks at, whether the
list of products comes in time. Its variants differ in what the requests wait for: processor time, a lock, a
query without its index, Redis, the provider of text messages, or a release that sleeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from redis.asyncio import Redis

from drillbook.app import IS_SLOW, app_of, with_bug
from drillbook.faults.bad_release import BadRelease
from drillbook.faults.dropped_index import DroppedIndex
from drillbook.faults.low_cpu_limit import LowCpuLimit
from drillbook.faults.provider_outage import ProviderOutage
from drillbook.faults.recurring_lock import RecurringLock
from drillbook.faults.slow_commands import SlowCommands
from drillbook.model import Json
from drillbook.protocols import Fault, Probe, Scenario, Setup, Stack, Variant
from drillbook.signals.http import HttpProbe
from drillbook.signals.parts import looks_bad, table_probe

IN_TIME_S = 0.5
HOT = "tea-001"
PRICE_SYNC = "price-sync"
DASHBOARD = "dashboard"
INDEX = "orders_of_customer"
DIGITS = "regexp_replace(customer, '[^0-9]', '', 'g')"
# What four years of orders are, with neither triggers nor foreign keys looked at.
ROWS = 100_000
_FILL = (
    "INSERT INTO orders (id, sku, quantity, customer, created_at)"  # noqa: S608  constants
    " SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,"
    f" '{HOT}', 1, '+49 (160) ' || n, now() - n * interval '20 minutes'"
    f" FROM generate_series(1, {ROWS}) AS n"
)
GROWN = ("SET session_replication_role = replica", _FILL)


def _probes(stack: Stack) -> Sequence[Probe]:
    app = app_of(stack)
    if not app.is_shop:
        return [table_probe(stack)] if app.table else []
    return [HttpProbe("list", "GET", f"{stack.url}/products", deadline_s=IN_TIME_S, slow_s=IN_TIME_S)]


async def _order_is_late(stack: Stack) -> str | None:
    """Evidence that an order takes too long, or with another app what the monitoring looks at."""
    if not app_of(stack).is_shop:
        return await looks_bad(stack)
    order: dict[str, Json] = {"sku": HOT, "quantity": 1, "customer": "probe"}
    probe = HttpProbe("order", "POST", f"{stack.url}/orders", body=order)
    try:
        async with asyncio.timeout(IN_TIME_S):
            await probe.observe()
    except TimeoutError:
        return f"an order takes more than {IN_TIME_S:g} s"
    return None


def _needs_provider(stack: Stack) -> bool:
    return stack.platform.current().variables.get("SMS_REQUIRED") == "true"


# --------------------------------------------------------------------------- the cures


async def _roll_back(stack: Stack, fault: Fault) -> None:
    del fault
    await stack.platform.rollback()


async def _scale(stack: Stack, fault: Fault) -> None:
    del fault
    await stack.platform.scale(4)


async def _end_job(stack: Stack, fault: Fault) -> None:
    """Find who blocks, as anyone can, and terminate it."""
    del fault
    async with await stack.database.connect(name="on-call") as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            (PRICE_SYNC,),
        )


async def _make_index(stack: Stack, fault: Fault) -> None:
    del fault
    async with await stack.database.connect(name="on-call") as connection:
        await connection.execute(f"CREATE INDEX {INDEX} ON orders ({DIGITS})")


async def _cut_off(stack: Stack, fault: Fault) -> None:
    """Find in CLIENT LIST who runs what SLOWLOG shows, and cut it off."""
    del fault
    async with Redis.from_url(
        stack.cache.url(role="owner"),
        decode_responses=True,
        socket_timeout=10,
        lib_name=None,  # each word more would have to wait for them all
        lib_version=None,
    ) as redis:
        # All at once: Redis is slow to answer as long as one of them is there.
        kills = redis.pipeline(transaction=False)
        for each in await redis.client_list():
            if each["name"] == DASHBOARD:
                kills.client_kill_filter(_id=each["id"])
        await kills.execute()


async def _do_without_messages(stack: Stack, fault: Fault) -> None:
    del fault
    await stack.platform.set_variables({"SMS_REQUIRED": "false"})


SCENARIO = Scenario(
    name="high-latency",
    title="High latency",
    severity="SEV2",
    section="2. High Latency",
    symptoms=(
        "pages and orders take longer than customers wait",
        "hardly anything fails on the server's side",
    ),
    probes=_probes,
    variants=(
        Variant(
            "cpu-starved",
            "The service's processor limit is lower than what its load needs.",
            lambda: LowCpuLimit("thrift"),
            "Add replicas, or raise the limit.",
            _scale,
            needs=("shop traffic",),
        ),
        Variant(
            "bad-release",
            "A release was deployed that sleeps with each order, and lets nothing else run meanwhile.",
            lambda: BadRelease("blocking-sleep", IS_SLOW, shows=_order_is_late),
            "Roll back to the release before.",
            _roll_back,
            needs=(with_bug(IS_SLOW),),
        ),
        Variant(
            "lock-wait",
            "A job changes the best-selling product's price in long transactions, one after the other.",
            lambda: RecurringLock(
                PRICE_SYNC,
                f"UPDATE products SET price_cents = price_cents WHERE sku = '{HOT}'",  # noqa: S608  constants
                hold_s=1.2,
                pause_s=0.05,
            ),
            "Find the job with pg_blocking_pids() and terminate it.",
            _end_job,
            needs=("table",),
        ),
        Variant(
            "dropped-index",
            "An index was dropped, and each order reads the whole table of orders.",
            lambda: DroppedIndex(
                "tidying",
                INDEX,
                grow=GROWN,
                query=f"SELECT count(*) FROM orders WHERE {DIGITS} = '1'",  # noqa: S608
                slow_ms=40.0,
            ),
            "Make the index again.",
            _make_index,
            Setup(
                releases=("r2026_11_1", "r2026_11_2", "r2026_11_21"),
                variables={"DB_POOL_SIZE": "2"},
                database={"max_parallel_workers_per_gather": "0"},
            ),
            needs=("shop tables",),
        ),
        Variant(
            "slow-cache",
            "A dashboard's clients search all keys of Redis again and again, and everyone waits for them.",
            lambda: SlowCommands(DASHBOARD, command=("KEYS", "*basket*"), slow_s=0.15, clients=4),
            "Find the clients with CLIENT LIST and cut them off, or drop the keys that they search.",
            _cut_off,
            needs=("shop keys",),
        ),
        Variant(
            "provider-hang",
            "The provider of text messages does not answer, and no order is taken without its message.",
            lambda: ProviderOutage("provider-hangs", "hang", depends=_needs_provider),
            "Take orders without their message (SMS_REQUIRED=false) until the provider answers.",
            _do_without_messages,
            Setup(variables={"SMS_REQUIRED": "true"}),
            needs=("provider",),
        ),
    ),
)
