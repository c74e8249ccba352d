"""The platform of the `local` backend: deployments of a service as supervised processes behind an edge.

It does what the real platform does with a deployment, a rollback and a variable, and journals each change.
It never judges whether the service does well: after its boot a replica that hangs counts as running.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from drillbook.errors import InputError, StackError
from drillbook.events import PlatformChanged
from drillbook.journal import Journal
from drillbook.platforms import railway_surface as surfaces
from drillbook.platforms.health import ask
from drillbook.platforms.history import History, Record
from drillbook.platforms.log import LogLine
from drillbook.platforms.railway_calls import OnFinding, RailwayCalls
from drillbook.platforms.railway_socket import RailwaySocket
from drillbook.platforms.replica import BootFailed
from drillbook.platforms.replica_set import ReplicaSet, ReplicaState
from drillbook.platforms.runner import Edge, LocalRunner, Runner
from drillbook.platforms.service import Release, Service
from drillbook.protocols import Deployment, Limits, Use

MOST_REPLICAS = 50
_DRAIN_S = 1.0
_EDGE_HEALTH_S = 5.0
_EDGE_INTERVAL_S = 0.03


class LocalPlatform:
    """Deploys `service` on this machine; a `protocols.Platform`.

    Args:
        journal: takes each change.
        service: what is deployed.
        releases: the history, oldest first; the last one is deployed by `start`.
        edge_port: where customers reach the service, on the loopback.
        workdir: takes the logs, in `logs/`; made if it is not there.
        surface: what the `railway` stand-in understands, one of `railway_surface.SURFACES`.
        on_finding: called with a rule and a message where a call works only on the documented surface.
        release: gives the release of a name that is not in the history.
        runner: starts the replicas and the edge.

    Raises:
        InputError: there is no such surface, or no release.
        StackError: from any later method, where something failed in the background meanwhile.
    """

    def __init__(
        self,
        journal: Journal,
        service: Service,
        releases: Sequence[Release],
        *,
        edge_port: int,
        workdir: Path,
        surface: str = surfaces.DOCUMENTED,
        on_finding: OnFinding | None = None,
        release: Callable[[str], Release] = lambda name: Release(name, f"Release {name}"),
        runner: Runner | None = None,
    ) -> None:
        if not releases:
            raise InputError("a platform needs a release to deploy", hint="give at least one release")
        self.service = service
        self.edge_port = edge_port
        self._journal = journal
        self._releases = tuple(releases)
        self._release = release
        self._runner: Runner = runner or LocalRunner()
        self._workdir = workdir
        self._logs = workdir / "logs"
        self._history = History(service.name)
        self._variables = dict(service.environment)
        self._count = service.replicas
        self._limits = service.limits
        self._serving: Record | None = None
        self._edge: Edge | None = None
        self._calls = RailwaySocket(RailwayCalls(self, surface, on_finding), workdir, self._note_failure)
        self._lock = asyncio.Lock()
        self._failure: BaseException | None = None

    # ----------------------------------------------------------------------- its life

    async def start(self) -> None:
        """Deploy the last release and wait until it serves through the edge.

        Raises:
            StackError: it does not, or the edge's port is taken; nothing is left running.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        try:
            self._edge = await self._runner.start_edge(self._journal, self.edge_port, self._logs / "edge.log")
            await self._first_deploy()
            await self._calls.start()
        except BaseException:
            await self.stop()
            raise

    async def _first_deploy(self) -> None:
        self._history.begin(self._releases, self._variables)
        newest = self._releases[-1]
        async with self._changing():
            deployment = await self._roll_out(
                newest, self._variables, "deployed", self._deadline_s, first=True
            )
        if deployment.status != "SUCCESS":
            failure = self._history.find(deployment.id).failure
            raise StackError(f"release {newest.name} did not come up: {failure}", hint=f"see {self._logs}")
        await self._until_served()

    async def _until_served(self) -> None:
        """Wait for the service behind the edge; a deployment without a health check has not waited for it."""
        deadline = time.monotonic() + (0.0 if self.service.health_checked else self.service.boot_deadline_s)
        while True:
            reason = await ask(self.edge_port, self.service.health_path, timeout_s=_EDGE_HEALTH_S)
            if reason is None:
                return
            if time.monotonic() >= deadline or self.current().status != "SUCCESS":
                raise StackError(f"the service does not serve through the edge: {reason}")
            await asyncio.sleep(_EDGE_INTERVAL_S)

    async def stop(self) -> None:
        """End the replicas, the edge and the CLI's socket; again does no harm.

        Raises:
            StackError: a replica outlived SIGKILL; everything else is ended all the same.
        """
        await self._calls.stop()
        serving, self._serving = self._serving, None
        replica_sets = [record.replicas for record in self._history if record.replicas is not None]
        ends = await asyncio.gather(*(each.end() for each in replica_sets), return_exceptions=True)
        if self._edge is not None:
            await self._edge.stop()
            self._edge = None
        for record in self._history:
            record.close_log()
        if serving is not None:
            self._journal.write(PlatformChanged("removed", f"{serving.label}: the platform is stopped"))
        for error in ends:
            if error is not None:
                raise error

    def check(self) -> None:
        """Raise what failed in the background, if anything did.

        Raises:
            StackError: the edge ended by itself, or the keeping of a replica failed.
        """
        if self._failure is not None:
            raise StackError(f"the platform failed: {self._failure}") from self._failure
        if self._edge is None:
            raise StackError("the platform is not started")
        self._edge.check()

    @property
    def calls_socket(self) -> Path:
        """The unix socket at which the CLI's calls are answered, once the platform is started."""
        return self._calls.path

    def install_cli(self, bin_dir: Path) -> Path:
        """Write an executable `railway` into `bin_dir`; its path. The platform may be started later."""
        return self._calls.install(bin_dir)

    # ----------------------------------------------------------------------- what there is

    def current(self) -> Deployment:
        """The deployment that serves now, or that served until it crashed.

        Raises:
            StackError: there is none yet, or none any more.
        """
        if self._serving is None:
            raise StackError("nothing is deployed")
        return self._serving.deployment

    def deployments(self) -> tuple[Deployment, ...]:
        """Every deployment, newest first."""
        return tuple(record.deployment for record in self._history)

    def describe(self, deployment_id: str) -> Release:
        """The release that a deployment runs, with its message."""
        return self._history.find(deployment_id).release

    def variables(self) -> dict[str, str]:
        """The service's variables; those of a deployment are in its `variables`."""
        return dict(self._variables)

    def replicas(self) -> tuple[ReplicaState, ...]:
        """The replicas of the current deployment, with their pids and ports."""
        serving = self._serving
        return serving.replicas.states() if serving is not None and serving.replicas is not None else ()

    def limits(self) -> Limits:
        """What each replica may use."""
        return self._limits

    def use(self) -> tuple[Use, ...]:
        """What each replica of the current deployment uses."""
        return tuple(replica.meter.use() for replica in self.replicas())

    def logs(self, deployment_id: str, lines: int) -> list[LogLine]:
        """The last `lines` lines of a deployment's log, oldest first.

        Raises:
            StackError: there is no such deployment.
        """
        log = self._history.find(deployment_id).log
        return log.tail(lines) if log is not None else []

    def tail(self, lines: int) -> list[str]:
        """The last lines of the current deployment's log, oldest first."""
        return [line.text for line in self.logs(self.current().id, lines)]

    # ----------------------------------------------------------------------- what it does

    async def deploy(
        self, release: str, *, variables: Mapping[str, str] | None = None, deadline_s: float = 20.0
    ) -> Deployment:
        """Deploy `release`; see `protocols.Platform.deploy`. The variables stay set if it fails."""
        async with self._changing():
            self._variables |= variables or {}
            known = {each.name: each for each in self._releases}
            chosen = known.get(release) or self._release(release)
            return await self._roll_out(chosen, self._variables, "deployed", deadline_s)

    async def redeploy(self) -> Deployment:
        """Deploy the current release again, with the service's variables as they are now."""
        async with self._changing():
            release = self.describe(self.current().id)
            return await self._roll_out(release, self._variables, "deployed", self._deadline_s)

    async def rollback(self, deployment_id: str | None = None) -> Deployment:
        """Bring back the release and the variables of an earlier deployment, as a new deployment.

        Args:
            deployment_id: the deployment; without it the newest one but the current that once served.

        Raises:
            StackError: there is no such deployment.
        """
        async with self._changing():
            target = self._history.rollback_target(self.current().id, deployment_id)
            restored = dict(target.deployment.variables)
            deployment = await self._roll_out(target.release, restored, "rolled-back", self._deadline_s)
            if deployment.status != "FAILED":
                self._variables = restored
            return deployment

    async def restart(self) -> Deployment:
        """Start the replicas of the current deployment anew. With one replica that is a short outage.

        Raises:
            StackError: they did not become ready; the deployment is then CRASHED.
        """
        async with self._changing():
            record = self._current_record()
            try:
                await record.running.restart()
            except BootFailed as error:
                raise StackError(f"the restarted replica failed: {error}") from error
            record.set_status("SUCCESS")
            self._journal.write(PlatformChanged("restarted", f"{record.label}: all replicas"))
            return record.deployment

    async def scale(self, replicas: int) -> None:
        """Run `replicas` replicas, now and in later deployments; 0 takes the service down.

        Raises:
            InputError: it is not a number from 0 to `MOST_REPLICAS`.
            StackError: a new replica did not become ready; the number is then as it was.
        """
        if not 0 <= replicas <= MOST_REPLICAS:
            raise InputError(f"{replicas} replicas can't be run", hint=f"give 0 to {MOST_REPLICAS}")
        async with self._changing():
            running, before = self._current_record().running, self._count
            leaving = running.addresses()
            try:
                await running.grow(replicas)
            except BootFailed as error:
                raise StackError(f"the new replica failed: {error}") from error
            end = running.shrink(replicas)
            self._count = replicas
            await self._refresh(self._current_record())
            await self._drain([address for address in leaving if address not in running.addresses()])
            await end()
            self._journal.write(PlatformChanged("scaled", f"from {before} to {replicas} replicas"))

    async def set_limits(self, limits: Limits, *, redeploy: bool = True) -> Deployment:
        """Give each replica other limits; see `protocols.Platform.set_limits`. A rollback keeps them."""
        async with self._changing():
            self._limits = limits
            memory = "unlimited" if limits.memory_mb is None else f"{limits.memory_mb:g} MB"
            cpu = "unlimited" if limits.cpu is None else f"{limits.cpu:.3g}"
            self._journal.write(PlatformChanged("limits-set", f"memory {memory}, processors {cpu}"))
            if not redeploy:
                self._current_record().running.limits = limits
                return self.current()
            release = self.describe(self.current().id)
            return await self._roll_out(release, self._variables, "deployed", self._deadline_s)

    async def pause(self) -> None:
        """Stop the processes that serve where they are; nothing here takes note of it, as of any hang."""
        for replica in self._current_record().running.processes():
            await replica.pause()

    async def resume(self) -> None:
        """Let what `pause` stopped go on, as far as it still serves."""
        for replica in self._current_record().running.processes():
            await replica.resume()

    async def paused(self) -> tuple[int, ...]:
        """The ids of those processes that serve and are stopped."""
        running = self._current_record().running.processes()
        return tuple([each.pid for each in running if await each.paused()])

    async def set_variables(self, values: Mapping[str, str], *, redeploy: bool = True) -> Deployment:
        """Set variables of the service and deploy the current release with them."""
        return await self._change_variables({**self._variables, **values}, values, "set", redeploy=redeploy)

    async def delete_variable(self, name: str) -> Deployment:
        """Delete a variable of the service and deploy the current release without it."""
        rest = {key: value for key, value in self._variables.items() if key != name}
        return await self._change_variables(rest, [name], "deleted", redeploy=True)

    # ----------------------------------------------------------------------- how

    @property
    def _deadline_s(self) -> float:
        return self.service.boot_deadline_s + 5.0

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[None]:
        """One change at a time, and none on a platform that has failed."""
        async with self._lock:
            self.check()
            yield

    def _current_record(self) -> Record:
        return self._history.find(self.current().id)

    async def _change_variables(
        self,
        variables: Mapping[str, str],
        names: Mapping[str, str] | Sequence[str],
        word: str,
        *,
        redeploy: bool,
    ) -> Deployment:
        async with self._changing():
            self._variables = dict(variables)
            # Names only: a value may be a secret that nobody has told the journal of.
            self._journal.write(PlatformChanged("variables-set", f"{word} {', '.join(names)}"))
            if not redeploy:
                return self.current()
            release = self.describe(self.current().id)
            return await self._roll_out(release, self._variables, "deployed", self._deadline_s)

    async def _roll_out(
        self,
        release: Release,
        variables: Mapping[str, str],
        change: str,
        deadline_s: float,
        *,
        first: bool = False,
    ) -> Deployment:
        """Start a new deployment beside the old one, and switch to it once it is ready."""
        begun = time.monotonic()
        record = self._history.add(release, variables, self._logs, first=first)
        record.replicas = self._make_replicas(record)
        try:
            async with asyncio.timeout(deadline_s):
                await record.running.grow(self._count)
        except BootFailed as error:
            record.fail(str(error))
            self._journal.write(PlatformChanged("deploy-failed", f"{record.label}: {error}"))
            return record.deployment
        except BaseException as error:
            record.fail(f"it did not serve within {deadline_s:g} s")
            self._journal.write(PlatformChanged("deploy-failed", f"{record.label}: {record.failure}"))
            if isinstance(error, TimeoutError):
                raise StackError(f"release {release.name}: {record.failure}") from error
            raise
        old, self._serving = self._serving, record
        record.set_status("SUCCESS")
        await self._refresh(record)
        seconds = f"{time.monotonic() - begun:.2f} s"
        self._journal.write(PlatformChanged(change, f"{record.label} in {seconds}"))
        if old is not None:
            await self._remove(old)
        return record.deployment

    def _make_replicas(self, record: Record) -> ReplicaSet:
        async def changed() -> None:
            await self._refresh(record)

        return ReplicaSet(
            self._journal,
            self.service,
            record.release.name,
            record.deployment.variables,
            record.open_log(),
            runner=self._runner,
            limits=self._limits,
            changed=changed,
            failed=self._note_failure,
        )

    async def _refresh(self, record: Record) -> None:
        """Tell the edge of the replicas of `record`, and see whether it has crashed, if it is what serves."""
        if record is not self._serving or self._edge is None:
            return
        await self._edge.switch(record.running.addresses())
        states = record.running.states()
        if states and all(state.crashed for state in states) and record.deployment.status != "CRASHED":
            record.set_status("CRASHED")
            self._journal.write(PlatformChanged("crashed", f"{record.label}: every replica is given up"))

    async def _remove(self, record: Record) -> None:
        """End a deployment that another has replaced, after the requests that it has in hand."""
        if record.deployment.status == "SUCCESS":
            record.set_status("REMOVED")
        await self._drain(record.running.addresses())
        await record.running.end()
        record.close_log()
        self._journal.write(PlatformChanged("removed", record.label))

    async def _drain(self, addresses: Sequence[str]) -> None:
        if addresses and self._edge is not None:
            await self._edge.drain(addresses, _DRAIN_S)

    def _note_failure(self, error: BaseException) -> None:
        self._failure = self._failure or error
