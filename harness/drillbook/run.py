"""A run: drills carried out one after another or side by side, each with its control, and their reports.

It starts workers, waits for them, and makes results from their journals. Whatever ends it, the journals are
whole and a report can be made of them. A drill that met a busy host is carried out again alone before it may
say anything bad.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import secrets
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from drillbook import docker_host
from drillbook.docker_host import DockerHost
from drillbook.errors import DrillbookError, InputError, StackError
from drillbook.events import DrillEnded, ErrorMet, Interrupted, NotApplied, PhaseStarted, Stalled
from drillbook.host import Host, make_ready
from drillbook.journal import Journal, events, read
from drillbook.launcher import Worker
from drillbook.model import Phase
from drillbook.occupancy import FULL, Occupancy
from drillbook.places import Places, SharedPlaces
from drillbook.process import process_began
from drillbook.reporting.reports import write_reports, write_suite
from drillbook.result import CONTROL, JOURNAL, DrillResult
from drillbook.schedule import Options, Slot, passed_over, spec
from drillbook.spec import DrillSpec

INDEX = "run.json"
FIRST_TRY = "first-try"
# Beyond what a drill's own deadlines add up to.
_WORKER_MARGIN_S = 180.0


class Onlooker(Protocol):
    """Who is told how a run goes on."""

    def began(self, slot: Slot, *, control: bool) -> None:
        """A drill, or its control, begins."""

    def told(self, slot: Slot, news: Mapping[str, Any]) -> None:
        """A drill's worker says something."""

    def ended(self, slot: Slot, result: DrillResult) -> None:
        """A drill has its result."""


@dataclass
class Run:
    """The drills of one command.

    Args:
        slots: the drills, in order.
        options: how they are run.
        out: the directory that holds their run directories; made already.
        onlooker: is told how it goes on.
        jobs: how many drills run side by side.
        sandboxed: whether they run in a sandbox.
        places: where they have to wait for a place with others, beside those of this run.
        shares_out: whether `out` is of several runs: its index and its suite report are then not this one's.
    """

    slots: Sequence[Slot]
    options: Options
    out: Path
    onlooker: Onlooker
    jobs: int = 1
    sandboxed: bool = True
    places: SharedPlaces | None = None
    shares_out: bool = False
    interrupted_by: str = ""
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    _workers: set[Worker] = field(default_factory=set)
    _died: set[Path] = field(default_factory=set)  # the run directories whose worker did
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _aborts: list[asyncio.Task[None]] = field(default_factory=list)
    _failure: DrillbookError | None = None

    def carry_out(self) -> list[DrillResult]:
        """Carry out every drill; the results of those that began, in order.

        Raises:
            DrillbookError: the host can't be made ready, or a result can't be written.
        """
        with ExitStack() as keep:
            jump = any(slot.plan.clock == "jump" for slot in self.slots)
            host = self._make_ready(keep, jump_clock=jump)
            if not self.shares_out:
                self._write_index(ended=False)
            carried_out = asyncio.run(self._carry_out(host))
            results = [result for _, result in carried_out]
            if not self.shares_out:
                write_suite(self.out, [slot.run_dir for slot, _ in carried_out], results)
                self._write_index(ended=True)
        return results

    def _make_ready(self, keep: ExitStack, *, jump_clock: bool) -> Host | DockerHost:
        if self.options.backend == "docker":
            wanted = {repr(slot.plan.images): slot.plan.images for slot in self.slots}
            if len(wanted) > 1:
                raise InputError(f"the plans want different images: {', '.join(wanted)}", hint="run one")
            images = next(iter(wanted.values()), None)
            own = [slot.plan.stack.in_containers() for slot in self.slots if slot.plan.stack is not None]
            return docker_host.make_ready(
                wanted=images,
                apps=list({app.image: app for app in own if app is not None}.values()),
                mark=self.mark,
                jump_clock=jump_clock,
                keep=keep,
            )
        return make_ready(sandboxed=self.sandboxed, jump_clock=jump_clock, keep=keep)

    async def _carry_out(self, host: Host | DockerHost) -> list[tuple[Slot, DrillResult]]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._interrupt, number)
        places = self.places or Places(self.jobs)
        drills = [asyncio.create_task(self._one(slot, host, places)) for slot in self.slots]
        results = await asyncio.gather(*drills)
        await asyncio.gather(*self._aborts)
        if self._failure is not None:
            raise self._failure
        pairs = zip(self.slots, results, strict=True)
        return [(slot, result) for slot, result in pairs if result is not None]

    def _interrupt(self, number: int) -> None:
        """End every drill early; a second time, at once."""
        again = bool(self.interrupted_by)
        self.interrupted_by = signal.Signals(number).name
        for worker in list(self._workers):
            ending = worker.kill() if again else worker.abort(self.interrupted_by)
            self._aborts.append(asyncio.create_task(ending))

    async def _one(
        self, slot: Slot, host: Host | DockerHost, places: Places | SharedPlaces
    ) -> DrillResult | None:
        try:
            async with places.one():
                occupancy = Occupancy()
                result = await self._drill(slot, host)
            unexpected = result is not None and slot.surprised(result.verdict, expected=result.expected)
            # That a worker died is not to be hidden by another try, however busy the host was.
            doubtful = unexpected and slot.run_dir not in self._died
            because = too_busy(slot.run_dir, occupancy.share()) if doubtful else ""
            if because and not self.interrupted_by:
                async with places.all():
                    result = await self._again(slot, host, because) or result
        except DrillbookError as error:
            self._failure = error
        except OSError as error:
            self._failure = StackError(
                f"can't write the results: {error.strerror or error}", path=error.filename or self.out
            )
        else:
            if result is not None:
                self.onlooker.ended(slot, result)
            return result
        return None

    async def _again(self, slot: Slot, host: Host | DockerHost, because: str) -> DrillResult | None:
        """Carry out a drill once more; what its first try left goes into a directory of its own."""
        if self.interrupted_by or self._failure is not None:
            return None
        first = slot.run_dir.with_name(f".{slot.run_dir.name}")
        slot.run_dir.rename(first)
        slot.run_dir.mkdir()
        first.rename(slot.run_dir / FIRST_TRY)
        return await self._drill(slot, host, again_because=because)

    async def _drill(
        self, slot: Slot, host: Host | DockerHost, *, again_because: str = ""
    ) -> DrillResult | None:
        if self.interrupted_by or self._failure is not None:
            return None
        self.onlooker.began(slot, control=False)
        reason = passed_over(slot, self.options)
        if reason is not None:
            return self._pass_over(slot, host, reason)
        work = spec(slot, self.options, host, again_because=again_because)
        await self._work(slot, work, host, slot.run_dir)
        if self.options.control and self.options.responder != "none" and not self.interrupted_by:
            first = write_reports(slot.run_dir)
            if first.control_needed:
                watch_s = max(slot.plan.timing.settle_s, first.durations.ttm or 0.0) + slot.plan.timing.hold_s
                self.onlooker.began(slot, control=True)
                work = spec(slot, self.options, host, control_watch_s=watch_s)
                await self._work(slot, work, host, slot.run_dir / CONTROL)
        return write_reports(slot.run_dir)

    def _pass_over(self, slot: Slot, host: Host | DockerHost, reason: str) -> DrillResult:
        """Put on file that the stack lacks what the drill needs: it is not carried out."""
        work = spec(slot, self.options, host)
        begin_journal(work)
        journal = Journal.resume(Path(work.journal))
        journal.write(NotApplied(reason))
        journal.write(DrillEnded())
        journal.close()
        return write_reports(slot.run_dir)

    async def _work(self, slot: Slot, work: DrillSpec, host: Host | DockerHost, run_dir: Path) -> None:
        """Have one worker carry out `work`; its journal says what became of it."""
        begin_journal(work)
        mark = f"{self.mark}/{next(self._numbers)}"
        worker = await Worker.start(work, host, run_dir, mark)
        self._workers.add(worker)
        deadline_s = work.header.deadline_s * 2 + work.header.watch_s + _WORKER_MARGIN_S
        problem = ""
        try:
            code = await worker.wait(lambda news: self.onlooker.told(slot, news), deadline_s=deadline_s)
            if code != 0:
                self._died.add(slot.run_dir)
                problem = f"the drill's worker ended with exit code {code}: {_last_line(work)}"
        except StackError as error:
            problem = error.message
        finally:
            self._workers.discard(worker)
            await asyncio.to_thread(host.clear, mark)
        finish_journal(Path(work.journal), problem=problem, interrupted_by=self.interrupted_by)

    def _write_index(self, *, ended: bool) -> None:
        """Say what belongs to this run, so that `drillbook recover` can finish it."""
        data = {
            "schema": 1,
            "mark": self.mark,
            "pid": os.getpid(),
            "began": process_began(os.getpid()),
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "ended": ended,
            "drills": [slot.run_dir.name for slot in self.slots],
        }
        write_whole(self.out / INDEX, json.dumps(data, indent=2) + "\n")


def too_busy(run_dir: Path, occupied: float) -> str:
    """Why a drill in `run_dir` says more of the host than of the runbook, or nothing if it does not.

    `occupied` is the share of all processor time that was used while it ran.
    """
    late_s = stalled_s(run_dir)
    if late_s:
        return f"in the first try the host was too busy to keep the probes' cadence, by {late_s:.2f} s"
    if occupied >= FULL:
        return f"in the first try the host was too busy: its processors were used to {occupied:.0%}"
    return ""


def stalled_s(run_dir: Path) -> float:
    """The longest time in seconds that the probes of a drill, or of its control, were late by."""
    journals = [path for path in (run_dir / JOURNAL, run_dir / CONTROL / JOURNAL) if path.exists()]
    return max((stall.late_s for path in journals for _, stall in events(read(path), Stalled)), default=0.0)


def begin_journal(work: DrillSpec) -> None:
    """Make the drill's directories and its journal, with the first entry, before anything is started."""
    Path(work.logs).mkdir(parents=True, exist_ok=True)
    journal = Journal(Path(work.journal))
    journal.write(work.header)
    journal.close()


def finish_journal(path: Path, *, problem: str, interrupted_by: str) -> None:
    """Add to a journal whose writer has ended what the writer could not say itself."""
    entries = read(path)
    phases = events(entries, PhaseStarted)
    phase = phases[-1][1].phase if phases else Phase.BOOT
    said = bool(events(entries, Interrupted)) or bool(events(entries, ErrorMet))
    if said or not (problem or interrupted_by) or entries[-1].event.kind == "end":
        return
    journal = Journal.resume(path)
    try:
        if interrupted_by:
            journal.write(Interrupted(phase, interrupted_by))
        else:
            journal.write(ErrorMet(phase, problem))
    finally:
        journal.close()


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all.

    Raises:
        OSError: it can't be written.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, "utf-8")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def make_out(out: Path) -> None:
    """Make the output directory, and make sure that it can be written before anything boots.

    Raises:
        InputError: it can't be made or written, or it holds an earlier run.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / ".writable", "")
        (out / ".writable").unlink()
    except OSError as error:
        raise InputError(
            f"can't write the results here: {error.strerror}", path=out, hint="choose another --out"
        ) from error
    if (out / INDEX).exists():
        raise InputError("holds an earlier run", path=out, hint="choose another --out")


def _last_line(work: DrillSpec) -> str:
    text = (Path(work.logs) / "worker.log").read_text("utf-8", "replace").strip()
    return text.splitlines()[-1] if text else "it said nothing"
