"""The commands that make reports of what is on file: `drillbook report` and `recover`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from drillbook.commands.terminal import Terminal
from drillbook.docker.engine import connect
from drillbook.docker.watcher import abandoned, remove
from drillbook.errors import DrillbookError, InputError
from drillbook.model import ExitCode
from drillbook.process import process_began
from drillbook.reporting.reports import write_reports, write_suite
from drillbook.result import JOURNAL, DrillResult
from drillbook.run import INDEX, finish_journal, write_whole
from drillbook.spec import FILE
from drillbook.stack.guard import end_all

RESULTS = Path("drillbook-results")


def report_command(folder: Path) -> int:
    """Make the reports of the drill in `folder`, or of each drill of the run in it, again.

    Raises:
        InputError: there is no journal there.
    """
    dirs = [folder] if (folder / JOURNAL).exists() else drills_in(folder)
    if not dirs:
        raise InputError(f"holds no {JOURNAL}", path=folder, hint="name a run directory")
    results = [_write(run_dir) for run_dir in dirs]
    if dirs != [folder]:
        write_suite(folder, dirs, results)
    with Terminal(total=len(results)) as terminal:
        pass
    terminal.conclude(results, folder)
    return ExitCode.OK


def drills_in(folder: Path) -> list[Path]:
    """The run directories in `folder`, in the order of the run."""
    there = sorted(path.parent for path in folder.glob(f"*/{JOURNAL}"))
    if not (folder / INDEX).exists():
        return there
    order = {name: place for place, name in enumerate(next(runs_in(folder))[1].get("drills", []))}
    return sorted(there, key=lambda run_dir: order.get(run_dir.name, len(order)))


def _write(run_dir: Path) -> DrillResult:
    try:
        return write_reports(run_dir)
    except OSError as error:
        raise InputError(f"can't write the reports: {error.strerror}", path=run_dir) from error


def recover_command(folder: Path | None) -> int:
    """Finish the interrupted runs in `folder`, or else in `drillbook-results/`.

    Raises:
        InputError: `folder` holds no run.
    """
    runs = list(runs_in(folder or RESULTS, altered=True))
    if folder is not None and not runs:
        raise InputError(f"holds no {INDEX}", path=folder, hint="name the directory of a run")
    unfinished = [(run, index) for run, index in runs if not index["ended"] and not _lives(index)]
    for run, index in unfinished:
        end_all(str(index["mark"]))
        for journal in sorted(run.glob(f"*/**/{JOURNAL}")):
            finish_journal(journal, problem="", interrupted_by="the end of its command")
            (journal.parent / "logs" / FILE).unlink(missing_ok=True)
        dirs = drills_in(run)
        results = [_write(run_dir) for run_dir in dirs]
        write_suite(run, dirs, results)
        write_whole(run / INDEX, json.dumps(index | {"ended": True}, indent=2) + "\n")
        for result in results:
            click.echo(f"{run}: {result.scenario}/{result.variant}: {result.verdict}: {result.reason}")
        if not results:
            click.echo(f"{run}: nothing had begun")
    removed = _clear_engine()
    if not unfinished and not removed:
        click.echo("nothing to recover")
    return ExitCode.OK


def _clear_engine() -> int:
    """Remove what ended commands of this machine left on the Docker engine; of how many runs that was.

    Where no engine answers, nothing of ours is on it that could be removed now.
    """
    try:
        client = connect()
    except DrillbookError:
        return 0
    with contextlib.closing(client):
        marks = abandoned(client)
        for mark in marks:
            remove(client, mark)
            click.echo(f"removed the containers and networks that run {mark} left")
    return len(marks)


def runs_in(folder: Path, *, altered: bool = False) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The directories of the runs that are `folder` or in it, its own first, each with its index.

    Those with `altered` steps lie within the run of the whole sections, one level deeper.

    Raises:
        InputError: an index is not one.
    """
    within = [*folder.glob(f"*/{INDEX}"), *(folder.glob(f"*/*/{INDEX}") if altered else ())]
    for path in [folder / INDEX, *sorted(within)]:
        if path.exists():
            try:
                index = json.loads(path.read_text("utf-8"))
                yield path.parent, {"ended": index["ended"], **index, "mark": str(index["mark"])}
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(f"is not the index of a run: {error}", path=path) from error


def _lives(index: dict[str, Any]) -> bool:
    """Whether the run's command still runs: its process id, and the moment that began."""
    pid, began = index.get("pid"), index.get("began")
    if not isinstance(pid, int) or not isinstance(began, int | float):
        return False
    return abs(process_began(pid) - began) < 1.0
