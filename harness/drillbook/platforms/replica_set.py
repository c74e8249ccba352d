"""The replicas of one deployment: started together, restarted when they fail, ended together.

It doesn't know whether its deployment serves; whoever made it is told of every change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from drillbook.events import PartChanged, PlatformChanged
from drillbook.journal import Journal
from drillbook.platforms.governor import Meter
from drillbook.platforms.log import DeploymentLog
from drillbook.platforms.replica import GRACE_S, BootFailed, describe_exit
from drillbook.platforms.runner import Runner, Running, Warden
from drillbook.platforms.service import Service
from drillbook.protocols import Limits

_RESTART_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """A replica as it is now. `serving` says that it runs and has passed its health check, if it has one.

    `crashed` says that it failed more often than the service's restart limit allows. `meter` is what it
    uses.
    """

    number: int
    pid: int | None
    port: int | None
    serving: bool
    crashed: bool
    restarts: int
    meter: Meter


@dataclass(slots=True)
class _Slot:
    number: int
    replica: Running | None = None
    serving: bool = False
    crashed: bool = False
    restarts: int = 0
    keeper: asyncio.Task[None] | None = None
    governor: Warden | None = None
    meter: Meter = field(default_factory=Meter)

    @property
    def verdict(self) -> str:
        """Why its governor killed it, or nothing."""
        return self.governor.verdict if self.governor else ""


class ReplicaSet:
    """Keeps the replicas of one deployment.

    Args:
        journal: takes what happens to them.
        service: what they run.
        release: the release that they run.
        variables: the variables of the deployment.
        log: takes their output.
        runner: starts them.
        limits: what each of them may use; can be changed while they run.
        changed: awaited after a replica came or went by itself.
        failed: called with an exception that stopped the keeping of a replica.
    """

    def __init__(
        self,
        journal: Journal,
        service: Service,
        release: str,
        variables: Mapping[str, str],
        log: DeploymentLog,
        *,
        runner: Runner,
        limits: Limits,
        changed: Callable[[], Awaitable[None]],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._journal = journal
        self._runner = runner
        self._service = service
        self._release = release
        self._variables = variables
        self._log = log
        self.limits = limits
        self._changed = changed
        self._failed = failed
        self._slots: list[_Slot] = []
        self._booting: list[_Slot] = []

    def states(self) -> tuple[ReplicaState, ...]:
        """Every replica, by number."""
        return tuple(
            ReplicaState(
                slot.number,
                slot.replica.pid if slot.replica else None,
                slot.replica.port if slot.replica else None,
                slot.serving,
                slot.crashed,
                slot.restarts,
                slot.meter,
            )
            for slot in self._slots
        )

    def addresses(self) -> tuple[str, ...]:
        """Where the replicas that are ready listen."""
        return tuple(slot.replica.address for slot in self._slots if slot.serving and slot.replica)

    async def grow(self, count: int) -> None:
        """Start replicas until there are `count`, and wait until the new ones are ready: all, or none.

        Raises:
            BootFailed: one of them did not become ready; none of the new ones is left.
        """
        slots = [_Slot(number) for number in range(len(self._slots) + 1, count + 1)]
        self._booting = slots
        try:
            await self._boot_all(slots)
        except BaseException:
            await self._end_all(slots)
            raise
        finally:
            self._booting = []
        self._slots += slots
        for slot in slots:
            self._keep(slot)

    def shrink(self, count: int) -> Callable[[], Awaitable[None]]:
        """Take the replicas beyond `count` out of the set; awaiting the result's call ends them."""
        leaving = self._slots[count:]
        del self._slots[count:]

        async def end() -> None:
            await self._end_all(leaving)

        return end

    async def restart(self) -> None:
        """End every replica and start it again, with its count of restarts at nought.

        Raises:
            BootFailed: one did not become ready; it is left crashed.
        """
        slots = list(self._slots)
        for slot in slots:
            slot.serving = False
        await self._changed()
        await self._end_all(slots)
        for slot in slots:
            slot.restarts, slot.crashed = 0, False
        try:
            await self._boot_all(slots)
        except BootFailed:
            await self._end_all([slot for slot in slots if not slot.serving])
            for slot in slots:
                slot.crashed = not slot.serving
            raise
        finally:
            for slot in slots:
                if slot.serving:
                    self._keep(slot)
            await self._changed()

    def processes(self) -> tuple[Running, ...]:
        """The processes that there are."""
        return tuple(slot.replica for slot in self._slots if slot.replica is not None)

    async def end(self) -> None:
        """End every replica; again does no harm."""
        await self._end_all(self._slots + self._booting)

    async def _boot_all(self, slots: list[_Slot]) -> None:
        boots = [asyncio.create_task(self._boot(slot)) for slot in slots]
        if not boots:
            return
        try:
            done, _ = await asyncio.wait(boots, return_when=asyncio.FIRST_EXCEPTION)
            for boot in done:
                boot.result()
        finally:
            for boot in boots:
                boot.cancel()
            await asyncio.gather(*boots, return_exceptions=True)

    async def _boot(self, slot: _Slot) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        service = self._service
        slot.replica = await self._runner.spawn(
            service, self._release, self._variables, self._log, self.limits
        )
        slot.governor = self._runner.govern(slot.replica, lambda: self.limits, slot.meter, self._failed)
        slot.governor.start()
        try:
            if service.health_checked:
                await slot.replica.until_ready(service.health_path, service.boot_deadline_s)
        except BootFailed as error:
            if not slot.verdict:
                raise
            self._log_kill(slot)
            raise BootFailed(f"it {slot.verdict}, before it was ready") from error
        slot.replica.ready = True
        slot.serving = True
        detail = f"replica {slot.number} of {self._release}"
        seconds = round(loop.time() - begun, 3)
        self._journal.write(PartChanged(service.name, "started", detail, slot.replica.pid, seconds))

    def _log_kill(self, slot: _Slot) -> None:
        """Tell of a kill where the operator looks for it: the replica itself could say nothing any more."""
        self._log.add(f"Replica {slot.number} {slot.verdict}")

    def _keep(self, slot: _Slot) -> None:
        def done(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if error is not None:
                self._failed(error)

        slot.keeper = asyncio.create_task(self._keep_up(slot), name=f"keeper of replica {slot.number}")
        slot.keeper.add_done_callback(done)

    async def _keep_up(self, slot: _Slot) -> None:
        """Wait for the end of a replica, and start it again as the policy ON_FAILURE says."""
        while slot.replica is not None:
            code = await slot.replica.wait()
            slot.serving = False
            await self._changed()
            what = f"replica {slot.number} of {self._release}"
            reason = slot.verdict or describe_exit(code)
            if slot.verdict:
                self._log_kill(slot)
            self._journal.write(
                PartChanged(self._service.name, "exited", f"{what} {reason}", slot.replica.pid)
            )
            await self._end_process(slot, slot.replica, grace_s=0)  # what is left of its group
            if code == 0:
                return
            self._journal.write(PlatformChanged("crashed", f"{what} {reason}"))
            await self._start_again(slot)
            await self._changed()

    async def _start_again(self, slot: _Slot) -> None:
        what = f"replica {slot.number} of {self._release}"
        while slot.restarts < self._service.restart_limit:
            slot.restarts += 1
            await asyncio.sleep(_RESTART_PAUSE_S)  # so that a crash loop does not starve the drill of CPU
            try:
                await self._boot(slot)
            except BootFailed as error:
                self._journal.write(PlatformChanged("crashed", f"{what}: {error}"))
                if slot.replica is not None:
                    await self._end_process(slot, slot.replica)
            else:
                count = f"restart {slot.restarts} of at most {self._service.restart_limit}"
                self._journal.write(PlatformChanged("restarted", f"{what}: {count}"))
                return
        slot.crashed = True

    async def _end_all(self, slots: list[_Slot]) -> None:
        await asyncio.gather(*(self._end(slot) for slot in slots))

    async def _end(self, slot: _Slot) -> None:
        if slot.keeper is not None:
            slot.keeper.cancel()
            await asyncio.gather(slot.keeper, return_exceptions=True)  # its errors are told by its callback
            slot.keeper = None
        replica = slot.replica
        if replica is None:
            return
        slot.serving = False
        await self._end_process(slot, replica)
        if replica.ready:
            detail = f"replica {slot.number} of {self._release}"
            self._journal.write(PartChanged(self._service.name, "stopped", detail, replica.pid))

    async def _end_process(self, slot: _Slot, replica: Running, grace_s: float = GRACE_S) -> None:
        """End a replica's process, which its governor must not stop meanwhile."""
        if slot.governor is not None:
            await slot.governor.stop()
        await replica.end(grace_s)
        slot.replica = slot.governor = None
