"""`drillbook coverage`: what the drills of one run or several did with each step of the runbook."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from drillbook.commands.reports import RESULTS, drills_in, runs_in
from drillbook.errors import InputError
from drillbook.model import ExitCode
from drillbook.reporting.coverage import Coverage, as_json, as_text, cover, runbook_lines
from drillbook.reporting.coverage_page import coverage_page
from drillbook.reporting.tracefiles import cobertura, lcov
from drillbook.reporting.usage import Drilled, read_drilled
from drillbook.result import JOURNAL, dumps, result
from drillbook.run import INDEX, write_whole

FORMS = ("text", "json", "html", "lcov", "cobertura")


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, as on the command line; `files` has the file to write by the form, if any."""

    run_dirs: tuple[Path, ...]
    form: str
    files: dict[str, Path]
    runbook: Path | None
    fail_under: float | None


def coverage_command(wish: Wish) -> int:
    """Print and write the coverage; 1 if it is below the asked percentage, 5 if no drill counts.

    Raises:
        InputError: there is no run, the runs are of different runbooks, or the runbook's text is not there.
        JournalError: a journal can't be read.
    """
    for form, file in wish.files.items():
        if str(file) == "-":
            raise InputError(f"--{form} takes a file", hint=f"print it with --format {form}")
    run_dirs = wish.run_dirs or (newest(),)
    coverage = cover(read_all(run_dirs))
    text = runbook_lines(coverage.runbook, wish.runbook)
    path = source_path(wish.runbook or Path(coverage.runbook.path))
    for form, file in wish.files.items():
        _write(file, _formed(form, coverage, text, path, file.parent))
    click.echo(_formed(wish.form, coverage, text, path, Path()), nl=False)
    return _exit_code(coverage, wish.fail_under)


def _exit_code(coverage: Coverage, least: float | None) -> ExitCode:
    """What the coverage comes to, with a line that says so where it is not well."""
    if not coverage.counted:
        click.echo("drillbook: no drill has a say on the runbook: there is nothing to cover it", err=True)
        return ExitCode.INCONCLUSIVE
    if least is None:
        return ExitCode.OK
    if coverage.percent is None:
        click.echo("drillbook: the runbook has no step that a drill could carry out", err=True)
        return ExitCode.INCONCLUSIVE
    if coverage.below(least):
        click.echo(
            f"drillbook: {coverage.carried_out} of {coverage.possible} steps were carried out,"
            f" {coverage.percent:.1f} %, below --fail-under {least:g}",
            err=True,
        )
        return ExitCode.FAILED
    return ExitCode.OK


def newest() -> Path:
    """The newest run in `drillbook-results/`.

    Raises:
        InputError: there is none.
    """
    runs = [(str(index.get("written", "")), run) for run, index in runs_in(RESULTS)]
    if not runs:
        raise InputError("holds no run", path=RESULTS, hint="run drills, or name a run directory")
    run = max(runs)[1]
    click.echo(f"drillbook: coverage of {run}", err=True)
    return run


def read_all(folders: Sequence[Path]) -> list[Drilled]:
    """The drills in `folders`, each of which is a run's or a drill's; each drill once.

    Raises:
        InputError: one holds no journal.
        JournalError: a journal can't be read.
    """
    dirs: dict[Path, Path] = {}
    for folder in folders:
        found = [folder] if (folder / JOURNAL).exists() else drills_in(folder)
        if not found:
            hint = "name a run directory" if not (folder / INDEX).exists() else "nothing in it had begun"
            raise InputError(f"holds no {JOURNAL}", path=folder, hint=hint)
        for run_dir in found:
            dirs.setdefault(run_dir.resolve(), run_dir)
    return [read_drilled(run_dir, result(run_dir)) for run_dir in dirs.values()]


def source_path(path: Path) -> str:
    """`path` as a viewer is to find it: from here, where it is below here."""
    seen = os.path.relpath(path.resolve(), Path.cwd())
    return path.as_posix() if seen.startswith("..") else Path(seen).as_posix()


def _formed(form: str, coverage: Coverage, text: Sequence[str], path: str, folder: Path) -> str:
    """The coverage in `form`, of the runbook at `path`; links are as from the directory `folder`."""
    if form == "json":
        return dumps(as_json(coverage))
    if form == "html":
        return coverage_page(coverage, text, folder)
    if form == "lcov":
        return lcov(coverage, path)
    if form == "cobertura":
        return cobertura(coverage, path)
    return as_text(coverage)


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text)
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", path=file) from error
