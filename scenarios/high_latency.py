"""High latency: the service answers, and too late for its customers.

Runbooks speak of two seconds; customers give up sooner, so an answer that takes longer than half a second is
bad here, whatever it says. The truth of this scenario is, beside what the monitoring looks at, whether the
list of products comes in time. Its variants differ in what the requests wait for: processor time, a lock, or
the provider of text messages.
"""

from __future__ import annotations

from collections.abc import Sequence

from drillbook.faults.low_cpu_limit import LowCpuLimit
from drillbook.faults.provider_outage import ProviderOutage
from drillbook.faults.recurring_lock import RecurringLock
from drillbook.protocols import Fault, Probe, Scenario, Setup, Stack, Variant
from drillbook.signals.http import HttpProbe

IN_TIME_S = 0.5
HOT = "tea-001"
PRICE_SYNC = "price-sync"


def _probes(stack: Stack) -> Sequence[Probe]:
    return [HttpProbe("list", "GET", f"{stack.url}/products", deadline_s=IN_TIME_S, slow_s=IN_TIME_S)]


def _needs_provider(stack: Stack) -> bool:
    return stack.platform.current().variables.get("SMS_REQUIRED") == "true"


# --------------------------------------------------------------------------- the cures


async def _scale(stack: Stack, fault: Fault) -> None:
    del fault
    await stack.platform.scale(3)


async def _end_job(stack: Stack, fault: Fault) -> None:
    """Find who blocks, as anyone can, and terminate it."""
    del fault
    async with await stack.database.connect(name="on-call") as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            (PRICE_SYNC,),
        )


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
        ),
        Variant(
            "provider-hang",
            "The provider of text messages does not answer, and no order is taken without its message.",
            lambda: ProviderOutage("provider-hangs", "hang", depends=_needs_provider),
            "Take orders without their message (SMS_REQUIRED=false) until the provider answers.",
            _do_without_messages,
            Setup(variables={"SMS_REQUIRED": "true"}),
        ),
    ),
)
