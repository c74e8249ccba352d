"""Connection slots used up: another client has so many sessions that the app can't log in any more.

The truth of this scenario is whether an ordinary role can log in. The app is hit because its own connections
were cut for a moment, and the other client was faster to take the slots. Its variants differ in what the
other client's sessions do, and in whether they leave the superusers their reserve.
"""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from drillbook.faults.leaked_connections import LeakedConnections
from drillbook.protocols import Fault, Observation, Probe, Scenario, Setup, Stack, Variant
from drillbook.signals.shared import SharedLooks

CLIENT = "stock-sync"
# Enough for the app, its pool full, beside the other clients; few, so that they are quickly used up.
# And requests that find no connection give up before their customers do, so that none is worked on in vain.
SETUP = Setup(variables={"DB_POOL_TIMEOUT": "0.5"}, database={"max_connections": "26"})


class Login:
    """Whether an ordinary role can log in, on a connection of its own each time."""

    sli = "login"
    deadline_s = 1.0
    slow_s = 0.5

    def __init__(self, stack: Stack) -> None:
        self._database = stack.database

    async def observe(self) -> Observation:
        """Log in and out again."""
        try:
            connection = await self._database.connect("app", name="probe")
        except psycopg.OperationalError as error:
            return Observation(good=False, detail=str(error).strip().rpartition("FATAL:")[2].strip())
        await connection.close()
        return Observation(good=True)

    async def close(self) -> None:
        """Nothing is kept open."""


def _probes(stack: Stack) -> Sequence[Probe]:
    # A login costs the server as much as a hundred statements.
    return [SharedLooks(Login(stack))]


async def _end_sessions(stack: Stack, fault: Fault) -> None:
    """End the sessions of the client that has too many, and nobody else's."""
    del fault
    operator = await stack.database.connect(name="operator")
    try:
        await operator.execute(
            "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE application_name = %s",
            (CLIENT,),
        )
    finally:
        await operator.close()


async def _stop_client(stack: Stack, fault: Fault) -> None:
    """Stop the client; its sessions end with it."""
    await fault.heal(stack)


SCENARIO = Scenario(
    name="connections-exhausted",
    title="Connection slots used up",
    severity="SEV2",
    section="Database Issues",
    symptoms=(
        "orders fail with 503 and the health check fails",
        "the app logs that remaining connection slots are reserved",
        "pg_stat_activity shows far more sessions than usual",
    ),
    probes=_probes,
    variants=(
        Variant(
            "idle-in-transaction",
            "Another client leaves each of its sessions idle in transaction, until it has every slot.",
            lambda: LeakedConnections(
                CLIENT, statements=("BEGIN", "SELECT count(*) FROM {table}"), state="idle in transaction"
            ),
            "Terminate that client's sessions.",
            _end_sessions,
            SETUP,
            needs=("table",),
        ),
        Variant(
            "idle-leak",
            "Another client forgets to close its connections: they are merely idle, and take every slot.",
            lambda: LeakedConnections(CLIENT),
            "Terminate that client's idle sessions.",
            _end_sessions,
            SETUP,
        ),
        Variant(
            "aborted-transactions",
            "Another client leaves each session in a transaction that has failed, until it has every slot.",
            lambda: LeakedConnections(
                CLIENT, statements=("BEGIN", "SELECT 1/0"), state="idle in transaction (aborted)"
            ),
            "Terminate sessions whose state begins with 'idle in transaction'.",
            _end_sessions,
            SETUP,
        ),
        Variant(
            "slow-queries",
            "Another client runs so many statements that go on and on that they take every slot.",
            lambda: LeakedConnections(
                CLIENT,
                forever="SELECT pg_sleep(864000)",  # on the server's clock, which jumps
                state="active",
            ),
            "Terminate the statements that have run longest.",
            _end_sessions,
            SETUP,
        ),
        Variant(
            "reserve-full",
            "Another client leaks its connections as a superuser, so the superusers' reserve is used up too.",
            lambda: LeakedConnections(CLIENT, role="superuser", age_s=0.0),
            "Stop that client, since nobody can log in to end its sessions.",
            _stop_client,
            SETUP,
        ),
    ),
    needs=("database",),
)
