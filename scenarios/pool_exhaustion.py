"""The app's connection pool used up: requests wait for a connection, and are refused when they get none.

The truth of this scenario is whether a request that only looks something up gets a connection. Its variants
differ in where the connections are: in a pool that is too small, with code that forgot them, with work that
takes too long, or with somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence

from drillbook.app import app_of
from drillbook.faults.bad_release import BadRelease
from drillbook.faults.bad_variable import BadVariable
from drillbook.faults.leaked_connections import LeakedConnections
from drillbook.faults.occasion import Occasion
from drillbook.protocols import Fault, Probe, Scenario, Setup, Stack, Variant
from drillbook.signals.http import HttpProbe
from drillbook.signals.shared import SharedLooks

_EXHAUSTED = '"Connection pool exhausted"'
_LINES = 300
_NOBODYS_ORDER = "00000000-0000-4000-8000-000000000000"
_SELL_OUT = "UPDATE products SET on_hand = 0 WHERE sku BETWEEN 'tea-011' AND 'tea-020'"
_RESTOCK = "UPDATE products SET on_hand = 1000000 WHERE on_hand = 0"
_CLIENT = "stock-sync"
_END_CLIENT = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{_CLIENT}'"  # noqa: S608
# Requests that find no connection give up before their customers do, so that none is worked on in vain.
_FAIL_FAST = {"DB_POOL_TIMEOUT": "0.5"}
SETUP = Setup(variables=_FAIL_FAST)
# Four connections of the pool listen for the warehouses.
WITH_WAREHOUSES = Setup(
    variables={**_FAIL_FAST, "DB_POOL_SIZE": "8"}, releases=("r2026_11_1", "r2026_11_2", "r2026_11_10")
)
# No health check holds a deployment back here, as on a platform where none is configured.
FEW_SLOTS = Setup(variables=_FAIL_FAST, database={"max_connections": "26"}, health_checked=False)


def _probes(stack: Stack) -> Sequence[Probe]:
    if not app_of(stack).is_shop:
        return []  # what the plan has looked at is the whole truth
    url = f"{stack.url}/orders/{_NOBODYS_ORDER}"
    return [SharedLooks(HttpProbe("lookup", "GET", url, good=(404,), deadline_s=0.5))]


async def _exhausted(stack: Stack) -> str | None:
    """What the log says of it, and what the server shows of the app's sessions."""
    refused = sum(_EXHAUSTED in line for line in stack.platform.tail(_LINES))
    if not refused:
        return None
    watcher = await stack.database.connect(name="drillbook-fault")
    try:
        cursor = await watcher.execute(
            "SELECT coalesce(state, '?'), count(*) FROM pg_stat_activity WHERE application_name = 'orders'"
            " GROUP BY state ORDER BY count(*) DESC"
        )
        states = ", ".join(f"{count} {state}" for state, count in await cursor.fetchall())
    finally:
        await watcher.close()
    return f"requests find no connection; the app's sessions: {states}"


async def _execute(stack: Stack, sql: str) -> None:
    operator = await stack.database.connect(name="back-office")
    try:
        await operator.execute(sql.encode())
    finally:
        await operator.close()


async def _sell_out(stack: Stack) -> None:
    await _execute(stack, _SELL_OUT)


async def _restock(stack: Stack) -> None:
    await _execute(stack, _RESTOCK)


async def _provider_hangs(stack: Stack) -> None:
    await stack.provider.set_mode("hang")


async def _provider_answers(stack: Stack) -> None:
    await stack.provider.set_mode("ok")


async def _roll_back(stack: Stack, fault: Fault) -> None:
    """Go back to the release before."""
    del fault
    await stack.platform.rollback()


async def _resize(stack: Stack, fault: Fault) -> None:
    """Give the pool room for what the service needs."""
    del fault
    await stack.platform.set_variables({"DB_POOL_SIZE": "16"})


async def _end_client(stack: Stack, fault: Fault) -> None:
    """End the sessions of the other client."""
    del fault
    await _execute(stack, _END_CLIENT)


SCENARIO = Scenario(
    name="pool-exhaustion",
    title="Connection pool exhausted",
    severity="SEV2",
    section="4. Database Connection Pool Exhausted",
    symptoms=(
        '"Connection pool exhausted" in the log',
        "orders and lookups fail with 503, and the health check with them",
        "products that are cached can still be seen",
    ),
    probes=_probes,
    variants=(
        Variant(
            "too-small",
            "The pool was cut to 4 connections, and 4 of them listen for the warehouses all the time.",
            lambda: BadVariable("small-pool", "DB_POOL_SIZE", "4", shows=_exhausted),
            "Raise DB_POOL_SIZE above what the listeners take.",
            _resize,
            WITH_WAREHOUSES,
            needs=("shop variables",),
        ),
        Variant(
            "leak",
            "A release never gives a connection back after a large order was looked up.",
            lambda: BadRelease("delivery-date", "r2026_11_11", shows=_exhausted),
            "Roll the release back.",
            _roll_back,
            SETUP,
            needs=("shop releases",),
        ),
        Variant(
            "leak-in-error-path",
            "A release never gives a connection back when an order is refused, and ten teas are sold out.",
            lambda: Occasion(
                BadRelease("second-try", "r2026_11_12", shows=_exhausted), event=_sell_out, undo=_restock
            ),
            "Roll the release back.",
            _roll_back,
            SETUP,
            needs=("shop releases",),
        ),
        Variant(
            "slow-query",
            "A release makes each order wait for a statement of one second, with a connection in hand.",
            lambda: BadRelease("deletion", "r2026_11_13", shows=_exhausted),
            "Roll the release back.",
            _roll_back,
            SETUP,
            needs=("shop releases",),
        ),
        Variant(
            "provider-call-inside-transaction",
            "A release sends text messages inside the order's transaction, and the provider does not answer.",
            lambda: Occasion(
                BadRelease("told-orders", "r2026_11_14", shows=_exhausted),
                event=_provider_hangs,
                undo=_provider_answers,
            ),
            "Roll the release back: the one before sends messages in the background.",
            _roll_back,
            SETUP,
            needs=("shop releases",),
        ),
        Variant(
            "at-max-connections",
            "Another client has every slot of the server, so the pool can't be filled, whatever its size.",
            lambda: LeakedConnections(_CLIENT),
            "Terminate that client's sessions.",
            _end_client,
            FEW_SLOTS,
            needs=("database",),
        ),
    ),
)
