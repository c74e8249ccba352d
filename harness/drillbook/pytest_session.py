"""The drills of a pytest session, or of one of its workers: what the plugin does once there is one.

The processes of a session share its output directory. Each drill has a directory of its own in it; how many
go on side by side is agreed by lock files, so that no number of workers starves a drill.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drillbook import library
from drillbook.commands.run import PACKAGED_PLAN, check_responder, decide_sandbox
from drillbook.errors import InputError
from drillbook.host import Host, make_ready
from drillbook.places import SharedPlaces, cores
from drillbook.plan import Plan, PlannedDrill, load_plan, select
from drillbook.process import process_began
from drillbook.reporting.reports import write_suite
from drillbook.result import JOURNAL, DrillResult, result
from drillbook.run import INDEX, Run, write_whole
from drillbook.schedule import Options, Slot, spec
from drillbook.spec import COMMAND
from drillbook.standing import StandingStack

_PLACES = ".places"


class UnconfinedWarning(pytest.PytestWarning):
    """Commands of a runbook run outside a sandbox."""


@dataclass(frozen=True)
class Settings:
    """What holds for the whole session; the controller makes them and its workers are given them.

    `out` is absolute, `mark` is on every process that the session starts, `pid` is the controller's id.
    """

    out: str
    mark: str
    pid: int
    worker: str
    no_sandbox: bool


class Session:
    """The drills of one process of a session."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._out = Path(settings.out)
        self._numbers = itertools.count(1)
        self._keep = ExitStack()
        self._hosts: dict[bool, Host] = {}

    def carry_out(self, plan: Plan, drill: PlannedDrill, options: Options) -> DrillResult:
        """Carry out `drill` of `plan`, with its control.

        Raises:
            DrillbookError: it can't be.
            KeyboardInterrupt: someone ended it early.
        """
        sandboxed = decide_sandbox(
            [plan],
            foreign=options.runbook is not None or options.responder.startswith(COMMAND),
            no_sandbox=self._settings.no_sandbox,
            warn=lambda text: warnings.warn(text, UnconfinedWarning, stacklevel=2),
            flag="--drillbook-no-sandbox",
        )
        prepare(self._out, self._settings)
        run = Run(
            [Slot(plan, drill, 0, self._reserve(plan, drill))],
            options,
            self._out,
            _Quiet(),
            sandboxed=sandboxed,
            places=SharedPlaces(self._out / _PLACES, cores()),
            shares_out=True,
            mark=self._mark(),
        )
        with _signals_kept():
            results = run.carry_out()
        if run.interrupted_by or not results:
            raise KeyboardInterrupt
        return results[0]

    def stack(self, plan: Plan, folder: Path, variant: str | None, *, customers: bool) -> StandingStack:
        """A stack of `plan` that is up, set up as `variant` wants it; its logs are in `folder`.

        Raises:
            DrillbookError: it can't be had.
        """
        jump = plan.clock == "jump"
        if jump not in self._hosts:
            self._hosts[jump] = make_ready(sandboxed=False, jump_clock=jump, keep=self._keep)
        host = self._hosts[jump]
        slot = Slot(plan, plan.drills[0], 0, folder)
        work = spec(slot, Options(control=False), host)
        return StandingStack.start(work, self._mark(), variant=variant, customers=customers)

    def close(self) -> None:
        """Let go of what this process holds."""
        self._keep.close()

    def _mark(self) -> str:
        return f"{self._settings.mark}/{self._settings.worker}{next(self._numbers)}"

    def _reserve(self, plan: Plan, drill: PlannedDrill) -> Path:
        """A new directory for the drill, named for it; for the plan as well where another has that name."""
        base = f"{drill.scenario.name}--{drill.variant.name}"
        more = (f"{base}--{plan.path.stem}-{number}" for number in itertools.count(2))
        for name in itertools.chain([base, f"{base}--{plan.path.stem}"], more):
            try:
                (self._out / name).mkdir()
            except FileExistsError:
                continue
            return self._out / name
        raise AssertionError("the names never end")


def read_plan(path: Path | None, *, runbook: Path | None = None) -> Plan:
    """The plan in the file `path`, or the packaged one; its names are told from the current directory.

    Raises:
        InputError: it can't be used.
    """
    plan = path if path is not None else library.drills_dir() / PACKAGED_PLAN
    read = load_plan(_short(plan), runbook=_short(runbook) if runbook is not None else None)
    if read.stack is not None:
        read.stack.settled()
    return read


def options(responder: str, *, control: bool, runbook: Path | None = None, seed: int = 0) -> Options:
    """How a drill is run.

    Raises:
        InputError: there is no such responder.
    """
    check_responder(responder)
    return Options(responder=responder, control=control, runbook=runbook, seed=seed)


def find(plan: Plan, name: str) -> PlannedDrill:
    """The drill of `plan` that is called `name`; a scenario's name stands for its first variant.

    Raises:
        InputError: the plan has none.
    """
    (drill,) = select(plan, [name], all_variants=False)
    return drill


def check_out(out: Path) -> None:
    """Check that no earlier run is in `out`.

    Raises:
        InputError: one is.
    """
    if (out / INDEX).exists():
        raise InputError("holds an earlier run", path=out, hint="choose another --drillbook-out")


def prepare(out: Path, settings: Settings) -> None:
    """Make the session's output directory and its index, if no other process of the session has.

    Raises:
        InputError: it can't be made, or holds an earlier run.
    """
    try:
        (out / _PLACES).mkdir(parents=True, exist_ok=True)
        if not (out / INDEX).exists():
            fresh = out / f".{INDEX}.{os.getpid()}"
            fresh.write_text(json.dumps(_index(settings, [], ended=False)), "utf-8")
            with suppress(FileExistsError):  # another process of this session was faster
                (out / INDEX).hardlink_to(fresh)
            fresh.unlink()
        mark = json.loads((out / INDEX).read_text("utf-8")).get("mark")
    except OSError as error:
        hint = "choose another --drillbook-out"
        raise InputError(f"can't write the results here: {error.strerror}", path=out, hint=hint) from error
    if mark != settings.mark:
        check_out(out)


def conclude(settings: Settings, run_dirs: Sequence[str]) -> list[DrillResult]:
    """Write the suite report and the index of the whole session; the results of `run_dirs`.

    A drill that was cut short with its worker is in none of them; the index then stays open for
    `drillbook recover`.

    Raises:
        DrillbookError: a report can't be written.
    """
    out = Path(settings.out)
    there = [Path(each) for each in run_dirs if (Path(each) / JOURNAL).exists()]
    results = [result(run_dir) for run_dir in there]
    write_suite(out, there, results)
    begun = {path.parent.name for path in out.glob(f"*/{JOURNAL}")}
    names = [path.name for path in there]
    index = _index(settings, names, ended=begun <= set(names))
    write_whole(out / INDEX, json.dumps(index, indent=2) + "\n")
    shutil.rmtree(out / _PLACES, ignore_errors=True)
    return results


def _index(settings: Settings, names: Sequence[str], *, ended: bool) -> dict[str, Any]:
    return {
        "schema": 1,
        "mark": settings.mark,
        "pid": settings.pid,
        "began": process_began(settings.pid),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "ended": ended,
        "drills": list(names),
    }


def _short(path: Path) -> Path:
    """`path` from the current directory where it is below that, as a reader would type it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Put the handlers of signals back that a run takes for itself."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [(number, signal.getsignal(number)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in handlers:
            if handler is not None:  # None: it was not set from Python, and can't be from there
                signal.signal(number, handler)


class _Quiet:
    """An onlooker that says nothing: pytest reports."""

    def began(self, slot: Slot, *, control: bool) -> None:
        """A drill, or its control, begins."""

    def told(self, slot: Slot, news: Mapping[str, Any]) -> None:
        """A drill's worker says something."""

    def ended(self, slot: Slot, result: DrillResult) -> None:
        """A drill has its result."""
