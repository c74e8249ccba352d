"""Service down: nothing answers, because of a deployment, a variable, the database, or a hang.

The truth of this scenario is whether the list of products can be had and an order be placed; the service has
no health check, so the platform switches to whatever is deployed, and starts it again once when it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drillbook.app import ENDS_AFTER_BOOT, ENDS_AT_BOOT, app_of, with_bug
from drillbook.faults.bad_release import BadRelease
from drillbook.faults.bad_variable import BadVariable
from drillbook.faults.database_down import DatabaseDown
from drillbook.faults.hung_process import HungProcess
from drillbook.protocols import Fault, Probe, Scenario, Setup, Stack, Variant
from drillbook.signals.http import HttpProbe
from drillbook.signals.parts import looks_bad

_SETUP = Setup(health_checked=False, restart_limit=1)
# As acknowledged writes are to survive the end of the server, they have to be written when they are.
_DURABLE = Setup(health_checked=False, restart_limit=1, database={"synchronous_commit": "on"})
_RENAMED = (
    "SELECT FROM information_schema.columns WHERE table_name = 'products' AND column_name = 'unused_on_hand'"
)
_PUT_BACK = "ALTER TABLE products RENAME COLUMN unused_on_hand TO on_hand"


def _probes(stack: Stack) -> Sequence[Probe]:
    if not app_of(stack).is_shop:
        return []  # what the plan has looked at is the whole truth
    return [HttpProbe("list", "GET", f"{stack.url}/products", deadline_s=0.5, slow_s=0.5)]


async def _given_up(stack: Stack) -> str | None:
    current = stack.platform.current()
    if current.status != "CRASHED":
        return None
    said = next((line for line in reversed(stack.platform.tail(5)) if line.strip()), "it said nothing")
    return f"it is CRASHED: {said[:200]}"


async def _does_not_serve(stack: Stack) -> str | None:
    """That it is given up; an app of a team's own may go on instead, and serve nobody."""
    return await _given_up(stack) or (None if app_of(stack).is_shop else await looks_bad(stack))


async def _column_is_gone(stack: Stack) -> str | None:
    return "the column on_hand is renamed" if await _renamed(stack) else None


async def _renamed(stack: Stack) -> bool:
    connection = await stack.database.connect(name="drillbook-fault")
    try:
        return await (await connection.execute(_RENAMED)).fetchone() is not None
    finally:
        await connection.close()


async def _put_column_back(stack: Stack) -> None:
    if await _renamed(stack):
        connection = await stack.database.connect(name="on-call")
        try:
            await connection.execute(_PUT_BACK)
        finally:
            await connection.close()


async def _roll_back(stack: Stack, _: Fault) -> None:
    await stack.platform.rollback()


async def _roll_back_two(stack: Stack, _: Fault) -> None:
    """Roll back to what served before the releases of the last hour: by its age, the third."""
    await stack.platform.rollback(stack.platform.deployments()[2].id)


async def _set_right(stack: Stack, fault: Fault) -> None:
    """Set the variable to what it was."""
    await fault.heal(stack)


async def _put_back_and_roll_back(stack: Stack, _: Fault) -> None:
    await _put_column_back(stack)
    await stack.platform.rollback()


async def _start_database(stack: Stack, _: Fault) -> None:
    await stack.database.revive()


async def _restart(stack: Stack, _: Fault) -> None:
    await stack.platform.restart()


def _crashing(name: str, release: str, *, before: Sequence[str] = ()) -> Callable[[], Fault]:
    return lambda: BadRelease(name, release, shows=_given_up, before=before)


SCENARIO = Scenario(
    name="service-down",
    title="Service down",
    severity="SEV1",
    section="Service Down",
    symptoms=(
        "nothing answers: the edge says 502, or says nothing",
        "the health check fails",
        "no order can be placed",
    ),
    probes=_probes,
    variants=(
        Variant(
            "crash-at-boot",
            "A release was deployed that ends as soon as it starts.",
            _crashing("countries-file-missing", ENDS_AT_BOOT),
            "Roll back to the release before.",
            _roll_back,
            _SETUP,
            needs=(with_bug(ENDS_AT_BOOT),),
        ),
        Variant(
            "crash-after-boot",
            "A release was deployed that starts, serves for a moment, and ends.",
            _crashing("sales-report-exits", ENDS_AFTER_BOOT),
            "Roll back to the release before.",
            _roll_back,
            _SETUP,
            needs=(with_bug(ENDS_AFTER_BOOT),),
        ),
        Variant(
            "bad-variable",
            "A variable was set to what the service can't read, so it ends as soon as it starts.",
            lambda: BadVariable("pool-timeout-with-unit", shows=_does_not_serve),
            "Set the variable right, or roll back, which brings the variables back too.",
            _set_right,
            _SETUP,
            needs=("bad variable",),
        ),
        Variant(
            "hung-process",
            "The process of the service lives and does nothing more; the platform calls it online.",
            HungProcess,
            "Replace the process: restart, redeploy or roll back.",
            _restart,
            _SETUP,
        ),
        Variant(
            "previous-also-bad",
            "Two releases were deployed one after the other, and neither of them stays up.",
            _crashing("two-bad-releases", ENDS_AT_BOOT, before=(ENDS_AFTER_BOOT,)),
            "Roll back, by its id, to the deployment that served before both.",
            _roll_back_two,
            _SETUP,
            needs=(with_bug(ENDS_AT_BOOT), with_bug(ENDS_AFTER_BOOT)),
        ),
        Variant(
            "destructive-migration",
            "A release renamed a column that its predecessors need, and then failed to start.",
            lambda: BadRelease(
                "half-migrated",
                "r2026_11_6",
                shows=_given_up,
                leaves=_column_is_gone,
                mend=_put_column_back,
            ),
            "Put the schema back, and then roll back.",
            _put_back_and_roll_back,
            _SETUP,
            needs=("shop releases",),
        ),
        Variant(
            "database-down",
            "The database server was killed and stays down; no release can do without it.",
            DatabaseDown,
            "Start the database server.",
            _start_database,
            _DURABLE,
            needs=("database",),
        ),
    ),
)
