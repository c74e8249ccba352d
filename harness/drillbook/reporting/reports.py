"""Every report of a run, written into its directory, from the journals there and nothing else.

Each file is whole or not there: it is written beside its place and then moved into it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from drillbook.errors import InputError, StackError
from drillbook.library import reports_dir
from drillbook.reporting import coverage_page, suite
from drillbook.reporting.coverage import Coverage, runbook_lines
from drillbook.reporting.facts import Facts, facts
from drillbook.reporting.page import postmortem
from drillbook.reporting.status import status_updates
from drillbook.result import DrillResult, dumps, journals, result_of

STATUS = "status"


def write_reports(run_dir: Path) -> DrillResult:
    """Write `result.json`, `postmortem.md`, `postmortem.html` and `status/*.md` in `run_dir`.

    Status updates of an earlier report that are no longer due are removed.

    Raises:
        JournalError: a journal can't be read, or does not begin with the start of a drill.
        StackError: the templates are missing, or a file can't be written.
    """
    entries, control = journals(run_dir)
    result = result_of(entries, control, run_dir=str(run_dir))
    files = rendered(facts(result, entries, control))
    try:
        for name, text in files.items():
            _write(run_dir / name, text)
        _remove_stale(run_dir, set(files))
    except OSError as error:
        raise StackError(f"can't write a report: {error.strerror}", path=error.filename or run_dir) from error
    return result


def write_suite(out: Path, run_dirs: Sequence[Path], results: Sequence[DrillResult]) -> None:
    """Write `suite.md` and `suite.html` in `out`, on the drills in `run_dirs`, whose results are `results`.

    Beside them `coverage.html`, where the runbook's text is still the one that was drilled.
    Drills of steps that were altered on purpose say nothing of the runbook as it is: they have no suite.

    Raises:
        JournalError: a journal can't be read.
        StackError: the templates are missing, or a file can't be written.
    """
    if not results or any(result.altered for result in results):
        return
    try:
        told = suite.gather(run_dirs, results)
        page = _coverage(told.coverage, out)
        if page is not None:
            _write(out / coverage_page.NAME, page)
        there = (out / coverage_page.NAME).exists()
        for name, text in suite.rendered(told, coverage_page=there).items():
            _write(out / name, text)
    except OSError as error:
        raise StackError(f"can't write a report: {error.strerror}", path=error.filename or out) from error


def _coverage(coverage: Coverage, out: Path) -> str | None:
    """The page of the runbook, or None where its text is gone: no journal has that."""
    try:
        lines = runbook_lines(coverage.runbook)
    except InputError:
        return None
    return coverage_page.coverage_page(coverage, lines, out)


def rendered(told: Facts) -> dict[str, str]:
    """Every report of a run by its name within the run directory.

    Raises:
        StackError: the templates are missing.
    """
    templates = reports_dir()
    updates = status_updates(told)
    return {
        "result.json": dumps(told.result.to_json()),
        "postmortem.md": postmortem(told, updates, form="md", templates=templates),
        "postmortem.html": postmortem(told, updates, form="html", templates=templates),
        **{f"{STATUS}/{update.name}": update.text for update in updates},
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _remove_stale(run_dir: Path, wanted: set[str]) -> None:
    for path in (run_dir / STATUS).glob("[0-9][0-9]-*.md"):
        if f"{STATUS}/{path.name}" not in wanted:
            path.unlink()
