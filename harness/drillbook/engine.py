"""The engine: the life of one drill, phase by phase, on one fresh stack.

boot → steady → inject → confirm → detect → respond → verify → invariants → tear down

It writes down what happened and judges nothing: the verdict is made from the journal afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from drillbook.app import app_of
from drillbook.backends.docker import DockerStack
from drillbook.backends.local import LocalStack
from drillbook.errors import DrillbookError, FaultNotTaken, NotApplicable, StackError
from drillbook.events import (
    DrillEnded,
    ErrorMet,
    FaultChanged,
    NotApplied,
    PhaseStarted,
    ResponderActed,
)
from drillbook.invariants import Invariants
from drillbook.journal import Journal
from drillbook.model import Phase
from drillbook.monitoring import alert_rules, service_probes
from drillbook.operator import responder_for
from drillbook.protocols import Fault, Scenario, Variant
from drillbook.registry import scenario as find_scenario
from drillbook.signals.alert import Alerts
from drillbook.signals.prober import Prober
from drillbook.spec import AT_THE_DESK, DrillSpec
from drillbook.traffic.locust import Traffic

BOOT_DEADLINE_S = 30.0
STEADY_DEADLINE_S = 20.0
STEADY_WINDOW_S = 0.4
STEADY_INTERVALS = 5
INJECT_DEADLINE_S = 30.0
TEAR_DOWN_DEADLINE_S = 15.0
# After the cause was seen to be gone, it is looked for once more.
SECOND_LOOK_S = 0.25


class Drill:
    """One drill. `run` it once."""

    def __init__(self, spec: DrillSpec, journal: Journal) -> None:
        self._spec = spec
        self._header = spec.header
        self._journal = journal
        self.phase = Phase.BOOT
        own = Path(spec.scenarios) if spec.scenarios is not None else None
        scenario = find_scenario(spec.header.scenario, own)
        self._scenario: Scenario = scenario
        self._variant: Variant = next(v for v in scenario.variants if v.name == spec.header.variant)
        self._fault: Fault = self._variant.fault()
        make = DockerStack if spec.containers is not None else LocalStack
        self._stack = make(spec, journal, self._variant.setup)
        self._traffic = Traffic(
            journal,
            self._stack.url,
            locustfile=Path(spec.locustfile),
            users=spec.users,
            seed=spec.header.seed,
            limit_s=BOOT_DEADLINE_S
            + own_boot_s(spec)
            + spec.header.deadline_s
            + INJECT_DEADLINE_S
            + spec.header.watch_s,
            log=Path(spec.logs) / "traffic.log",
            announce=self._stack.announces,
            paths=spec.own_app.paths if spec.own_app is not None else (),
        )
        self._invariants = Invariants(
            self._stack,
            lambda: self._traffic.acknowledged,
            keys_database=self._variant.setup.sessions_database,
            own=spec.own_app.invariants if spec.own_app is not None else (),
        )
        self._prober: Prober | None = None
        self._alerts: Alerts | None = None

    async def run(self) -> None:
        """Carry out the drill; whatever happens, end the stack and say so in the journal."""
        ended_well = False
        try:
            ended_well = await self._live()
        except NotApplicable as error:
            self._journal.write(NotApplied(error.message))
        except DrillbookError as error:
            self._journal.write(ErrorMet(self.phase, error.render()))
        except Exception as error:  # noqa: BLE001  the journal is where the failure of a drill is told
            self._journal.write(ErrorMet(self.phase, f"{type(error).__name__}: {error}"))
        finally:
            await self._tear_down()
        if ended_well:
            self._journal.write(DrillEnded())

    async def _live(self) -> bool:
        phases: Sequence[tuple[Phase, Callable[[], Coroutine[Any, Any, bool]], float]] = (
            (Phase.BOOT, self._boot, BOOT_DEADLINE_S + own_boot_s(self._spec)),
            (Phase.STEADY, self._steady, STEADY_DEADLINE_S),
            (Phase.INJECT, self._inject, INJECT_DEADLINE_S),
            (Phase.CONFIRM, self._confirm, INJECT_DEADLINE_S),
            (Phase.DETECT, self._detect, STEADY_DEADLINE_S + self._header.objectives.detect_s),
            (
                Phase.RESPOND,
                self._respond,
                self._header.deadline_s + self._header.watch_s + INJECT_DEADLINE_S,
            ),
            (Phase.VERIFY, self._verify, self._header.deadline_s + INJECT_DEADLINE_S),
            (Phase.INVARIANTS, self._check_invariants, INJECT_DEADLINE_S),
        )
        for phase, carry_out, deadline_s in phases:
            self._enter(phase)
            try:
                async with asyncio.timeout(deadline_s):
                    goes_on = await carry_out()
            except TimeoutError as error:
                raise StackError(f"the phase {phase} did not end within {deadline_s:g} s") from error
            if not goes_on:
                break
        return True

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._journal.write(PhaseStarted(phase))

    async def _boot(self) -> bool:
        # Side by side: Locust's import takes as long as half of the stack.
        loading = asyncio.create_task(self._traffic.load())
        try:
            await self._stack.start()
            await loading
        finally:
            loading.cancel()
            await asyncio.wait([loading])
        app = app_of(self._stack)
        probes = [*service_probes(self._stack.url, app), *self._scenario.probes(self._stack)]
        self._prober = Prober(self._journal, probes, interval_s=self._header.probe_interval_s)
        rules = alert_rules(self._prober.signals.series, app, interval_s=self._header.probe_interval_s)
        self._alerts = Alerts(self._journal, self._prober.signals, rules)
        await asyncio.gather(self._prober.start(), self._traffic.start())
        return True

    async def _steady(self) -> bool:
        signals = self._probing.signals
        # Longer than what the verdict looks back at, which is some intervals where these are long.
        window_s = max(STEADY_WINDOW_S, STEADY_INTERVALS * self._header.probe_interval_s)
        if not await signals.wait_until_holds(window_s, STEADY_DEADLINE_S - 1):
            raise StackError(f"the stack is not steady before the fault: {signals.describe_bad()}")
        await self._invariants.note()
        # The baseline takes a moment; what is promised is that all is good when the fault comes.
        if not await signals.wait_until_holds(window_s, 5.0 + window_s):
            raise StackError(f"the stack is not steady before the fault: {signals.describe_bad()}")
        return True

    async def _inject(self) -> bool:
        self._journal.write(FaultChanged(self._fault.name, "intent"))
        await self._fault.inject(self._stack)
        self._journal.write(FaultChanged(self._fault.name, "injected"))
        return True

    async def _confirm(self) -> bool:
        try:
            evidence = await self._fault.confirm(self._stack)
        except FaultNotTaken as error:
            self._journal.write(FaultChanged(self._fault.name, "not-taken", error.message))
            return False
        self._journal.write(FaultChanged(self._fault.name, "confirmed", evidence))
        await self._invariants.excuse()
        return True

    async def _detect(self) -> bool:
        # No alert is no reason to stop: somebody may notice, and that nobody was paged is on file.
        if self._alerts is not None:
            await self._alerts.wait_fired(self._header.objectives.detect_s)
        return True

    async def _respond(self) -> bool:
        signals = self._probing.signals
        if self._alerts is None:
            raise StackError("the alerts were never watched")
        responder = responder_for(
            self._spec, self._stack, signals, self._journal, cure=self._cure, alerts=self._alerts
        )
        if self._header.responder not in AT_THE_DESK:  # there somebody says so, or does not
            self._journal.write(ResponderActed(responder.name, "ack"))
        try:
            async with asyncio.timeout(max(self._header.deadline_s, self._header.watch_s)):
                await responder.respond()
        except TimeoutError:
            detail = f"the deadline of {self._header.deadline_s:g} s has passed"
            self._journal.write(ResponderActed(responder.name, "finished", detail))
        return True

    async def _cure(self) -> None:
        await self._variant.reference_cure(self._stack, self._fault)

    async def _verify(self) -> bool:
        signals, hold = self._probing.signals, self._header.hold_s
        # A control has been watched for its whole time already.
        patience_s = 0.0 if self._header.responder == "none" else self._header.settle_s + hold
        held = await signals.wait_until_holds(hold, patience_s)
        gone = await self._look_for_cause()
        if held and gone:
            await asyncio.sleep(SECOND_LOOK_S)  # a cause that comes back is given the time to
            await signals.wait_until_holds(hold, hold)
            await self._look_for_cause()  # last, for it must not be older than the good window
        return True

    async def _look_for_cause(self) -> bool:
        """Whether the cause is gone. Where that can't be told, it is not."""
        try:
            evidence = await self._fault.cause(self._stack)
        except Exception as error:  # noqa: BLE001  whatever keeps us from looking
            evidence = f"could not be looked at: {type(error).__name__}: {error}"
        change = "gone" if evidence is None else "present"
        self._journal.write(FaultChanged(self._fault.name, change, evidence or ""))
        return evidence is None

    async def _check_invariants(self) -> bool:
        for checked in await self._invariants.check():
            self._journal.write(checked)
        return True

    @property
    def _probing(self) -> Prober:
        if self._prober is None:
            raise StackError("the probes were never started")
        return self._prober

    async def _tear_down(self) -> None:
        """End everything, the newest first; each end is tried, and none masks the first cause."""
        self._enter(Phase.TEAR_DOWN)
        ends: list[Callable[[], Coroutine[Any, Any, None]]] = [self._traffic.stop, self._invariants.close]
        if self._prober is not None:
            ends.insert(0, self._prober.stop)
        ends.append(self._stack.stop)
        for end in ends:
            try:
                async with asyncio.timeout(TEAR_DOWN_DEADLINE_S):
                    await end()
            except Exception as error:  # noqa: BLE001  every end is tried, and what fails is told
                self._journal.write(ErrorMet(Phase.TEAR_DOWN, f"{type(error).__name__}: {error}"))


def own_boot_s(spec: DrillSpec) -> float:
    """How long a team's own app may take to be set up and to boot, in seconds."""
    own = spec.own_app
    return own.boot_s * (1 + len(own.setup)) if own is not None else 0.0
