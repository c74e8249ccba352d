"""Stuck transactions: something holds a lock on the hot product, so orders wait until they fail.

The truth of this scenario is whether the hot product's row can be locked at once, and the stock-count gate
taken: what an order needs. Its variants differ in who holds what, and in how the server shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drillbook.app import app_of
from drillbook.faults.active_statement import ActiveStatement
from drillbook.faults.bad_release import BadRelease
from drillbook.faults.keepalive_transaction import KeepaliveTransaction
from drillbook.faults.open_transaction import OpenTransaction
from drillbook.faults.prepared_transaction import PreparedTransaction
from drillbook.faults.queued_schema_change import QueuedSchemaChange
from drillbook.protocols import Fault, Probe, Scenario, Stack, Variant
from drillbook.signals.parts import table_probe
from drillbook.signals.sql import SqlProbe

HOT = "tea-001"
GATE = 4201  # the advisory lock that every order shares and a stock count takes alone
LOCK = "{lock}"  # for the shop, on the hot product; for another app, on a table of its own
TRUTH = (
    f"SELECT 1 FROM products, pg_advisory_xact_lock_shared({GATE})"  # noqa: S608  constants
    f" WHERE sku = '{HOT}' FOR UPDATE OF products"
)


def _probes(stack: Stack) -> Sequence[Probe]:
    if not app_of(stack).is_shop:
        return [table_probe(stack)]
    return [SqlProbe("stock-writable", lambda: stack.database.connect(name="probe"), TRUTH)]


async def _heal(stack: Stack, fault: Fault) -> None:
    """End exactly what holds the lock: what the fault itself knows how to do."""
    await fault.heal(stack)


async def _audit_holds(stack: Stack) -> str | None:
    watcher = await stack.database.connect(name="drillbook-fault")
    try:
        cursor = await watcher.execute(
            "SELECT state FROM pg_stat_activity a WHERE application_name = 'stock-audit'"
            " AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND granted"
            " AND locktype = 'transactionid' AND mode = 'ExclusiveLock')"
        )
        row = await cursor.fetchone()
    finally:
        await watcher.close()
    return f"its stock audit holds the product's lock, {row[0]}" if row else None


def _variant(name: str, summary: str, cure: str, fault: Callable[[], Fault], *needs: str) -> Variant:
    return Variant(name, summary, fault, cure, _heal, needs=needs)


SCENARIO = Scenario(
    name="stuck-transactions",
    title="Stuck transactions",
    severity="SEV2",
    section="Database Issues",
    symptoms=(
        "orders of the best-selling product time out with 503",
        "the pool fills with requests that wait for a lock",
        "pg_stat_activity shows sessions that wait on a lock",
    ),
    probes=_probes,
    variants=(
        _variant(
            "idle-past-threshold",
            "A session updated the hot product 11 minutes ago and never committed.",
            "Terminate the session that is idle in transaction.",
            lambda: OpenTransaction("back-office", ["BEGIN", LOCK]),
        ),
        _variant(
            "blocked-schema-change",
            "A schema change waits behind a reader that is idle in transaction, and blocks everyone else.",
            "Terminate the reader that is idle in transaction, or the schema change.",
            lambda: QueuedSchemaChange("weekly-report"),
        ),
        _variant(
            "other-role",
            "A session of another role updated the hot product 11 minutes ago and never committed.",
            "Terminate the session as a superuser or as a member of pg_signal_backend.",
            lambda: OpenTransaction("spreadsheet", ["BEGIN", LOCK], role="reporting"),
        ),
        _variant(
            "idle-under-threshold",
            "A session updated the hot product 5 minutes ago and never committed.",
            "Terminate the session although it is younger than 10 minutes.",
            lambda: OpenTransaction("back-office", ["BEGIN", LOCK], age_s=300.0),
        ),
        _variant(
            "savepoint-aborted",
            "A transaction took the lock, then failed after a savepoint: idle in transaction (aborted).",
            "Terminate sessions whose state begins with 'idle in transaction'.",
            lambda: OpenTransaction(
                "importer",
                ["BEGIN", LOCK, "SAVEPOINT batch", "SELECT 1/0"],
                state="idle in transaction (aborted)",
            ),
        ),
        _variant(
            "active-lock-holder",
            "A statement that goes on and on holds the hot product's lock.",
            "Find who blocks with pg_blocking_pids() and terminate it.",
            lambda: ActiveStatement("price-migration", ["BEGIN", LOCK]),
        ),
        _variant(
            "keepalive",
            "A transaction is 11 minutes old, but its client runs SELECT 1 in it again and again.",
            "Judge age by xact_start instead of query_start, and terminate.",
            lambda: KeepaliveTransaction("desktop-client", ["BEGIN", LOCK]),
        ),
        _variant(
            "prepared-transaction",
            "A prepared transaction that nobody finished holds the lock without any session.",
            "ROLLBACK PREPARED what pg_prepared_xacts lists.",
            lambda: PreparedTransaction("settlement-42", [LOCK]),
        ),
        _variant(
            "session-advisory-lock",
            "A stock count died without giving back its advisory lock; its session is merely idle.",
            "Find the holder in pg_locks and terminate it.",
            lambda: OpenTransaction("stock-count", [f"SELECT pg_advisory_lock({GATE})"], state="idle"),
            "shop locks",
        ),
        _variant(
            "reopened-by-code",
            "A release has a job that locks the hot product, never commits, and does it again when killed.",
            "Roll the release back.",
            lambda: BadRelease("stock-audit", "r2026_11_3", shows=_audit_holds, age_s=660.0),
            "shop releases",
        ),
    ),
    needs=("table",),
)
