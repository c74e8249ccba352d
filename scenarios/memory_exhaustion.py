"""Memory exhaustion: replicas use more memory than they may, and the platform kills them again and again.

The truth of this scenario is whether a replica was killed for its memory within the last second, and whether
customers can log in. Its variants differ in why the memory is used up: by honest load under a limit that is
too low, by a release that leaks, or by what a client sends.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from drillbook.app import LEAKS_MEMORY, app_of, with_bug
from drillbook.errors import StackError
from drillbook.faults.bad_release import BadRelease
from drillbook.faults.flood import Clients, FloodOfRequests
from drillbook.faults.killed_for_memory import killed_for_memory
from drillbook.faults.low_memory_limit import LowMemoryLimit
from drillbook.faults.occasion import Occasion
from drillbook.model import Json
from drillbook.protocols import (
    Fault,
    Flood,
    Floodable,
    Limits,
    Observation,
    Probe,
    Scenario,
    Setup,
    Stack,
    Variant,
)
from drillbook.signals.http import HttpProbe

# What the service needs for everything that it honestly does, and what was thought to do.
ENOUGH, TOO_LITTLE = Limits(memory_mb=256), 100.0
USUAL = Setup(limits=Limits(memory_mb=128))
PARTNER = "127.0.5.0/30"
READERS = "127.0.6.0/24"
RECENT_S = 1.0
NO_ORDER = "HTTP 422"


class KillProbe:
    """Whether the platform had to kill a replica for its memory within the last second."""

    sli = "memory"
    deadline_s = slow_s = 0.5

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    async def observe(self) -> Observation:
        """Look at what the platform knows of the deployment that serves."""
        last = max((use.killed or 0.0 for use in self._stack.platform.use()), default=0.0)
        good = time.monotonic() - last > RECENT_S
        return Observation(good, "" if good else "a replica was killed for its memory")

    async def close(self) -> None:
        """There is nothing to let go of."""


def _probes(stack: Stack) -> Sequence[Probe]:
    if not app_of(stack).is_shop:
        return [KillProbe(stack)]
    login: dict[str, Json] = {"customer": "+4915100000"}
    return [
        KillProbe(stack),
        HttpProbe("login", "POST", f"{stack.url}/login", body=login, deadline_s=0.5, slow_s=0.5),
    ]


# --------------------------------------------------------------------------- what brings it about


class Letter:
    """The readers of a letter with a bad link: harmless in themselves."""

    def __init__(self) -> None:
        self._flood: Flood | None = None

    async def come(self, stack: Stack) -> None:
        """Let them come."""
        if not isinstance(stack, Floodable):
            raise StackError("to this stack nobody can come but its ordinary customers")
        self._flood = stack.flood("letter", network=READERS, users=4, rate_per_s=60.0)
        await self._flood.start()

    async def go(self, stack: Stack) -> None:
        """Send them away."""
        del stack
        if self._flood is not None:
            await self._flood.stop()


def _leak_on_errors() -> Fault:
    letter = Letter()
    release = BadRelease("leak-on-errors", "r2026_11_20", shows=killed_for_memory)
    return Occasion(release, event=letter.come, undo=letter.go)


async def _is_killed(stack: Stack, flood: Flood) -> str | None:
    del flood
    return await killed_for_memory(stack)


async def _is_read(stack: Stack, flood: Flood) -> str | None:
    """Evidence that what the partner sends is still taken in: it kills, or it is read and found no order."""
    read = flood.answers(RECENT_S).get(NO_ORDER, 0)
    return await killed_for_memory(stack) or (f"{read} uploads were read within a second" if read else None)


# --------------------------------------------------------------------------- the cures


async def _roll_back(stack: Stack, fault: Fault) -> None:
    del fault
    await stack.platform.rollback()


async def _give_more(stack: Stack, fault: Fault) -> None:
    del fault
    await stack.platform.set_limits(ENOUGH)


async def _block(stack: Stack, fault: Fault) -> None:
    del fault
    await stack.platform.set_variables({"BLOCKED_CLIENTS": PARTNER})


SCENARIO = Scenario(
    name="memory-exhaustion",
    title="Memory exhaustion",
    severity="SEV2",
    section="3. Memory Exhaustion",
    symptoms=(
        "replicas restart again and again",
        "the log says that replicas are killed: out of memory",
        "each restart is a short outage",
    ),
    probes=_probes,
    variants=(
        Variant(
            "limit-too-low",
            "The memory limit was lowered to less than what the service needs for its honest load.",
            lambda: LowMemoryLimit("thrift", memory_mb=TOO_LITTLE),
            "Raise the memory limit to what the service needs.",
            _give_more,
            Setup(releases=("r2026_11_1", "r2026_11_2", "r2026_11_18"), limits=ENOUGH),
            needs=("shop traffic",),
        ),
        Variant(
            "leak",
            "A release was deployed that keeps a buffer of each request and never gives it back.",
            lambda: BadRelease("leak", LEAKS_MEMORY, shows=killed_for_memory),
            "Roll back to the release before; more memory only delays the next kill.",
            _roll_back,
            USUAL,
            needs=(with_bug(LEAKS_MEMORY),),
        ),
        Variant(
            "leak-in-error-path",
            "A release was deployed that leaks with each request for a page that there is not, and a letter"
            " with a bad link has many people ask for one.",
            _leak_on_errors,
            "Roll back to the release before; the letter alone does no harm.",
            _roll_back,
            USUAL,
            needs=(
                "shop releases",
                "shop floods",
            ),
        ),
        Variant(
            "oversized-payload",
            "A partner's program sends bodies of ten megabytes that take two hundred when they are read.",
            lambda: FloodOfRequests(
                "uploads", Clients("uploads", PARTNER, 2, 4.0), shows=_is_killed, persists=_is_read
            ),
            "Find the client in the log, and put it on BLOCKED_CLIENTS until it sends less.",
            _block,
            USUAL,
            needs=("shop floods",),
        ),
    ),
)
