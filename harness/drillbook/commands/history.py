"""`drillbook history` and `drillbook compare`: what earlier runs came to, and one group beside another."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from drillbook.commands.terminal import STYLES, plain_console, seconds
from drillbook.comparison import Change, Comparison, Pair, compare, span
from drillbook.errors import InputError
from drillbook.history import History, PastRun, Record, place, record_of
from drillbook.model import ExitCode, Json, Verdict
from drillbook.repeats import Repeats, grouped, over
from drillbook.reporting import trend
from drillbook.reporting.repeats import deadline, median_text
from drillbook.result import JOURNAL, dumps, result
from drillbook.revision import commit_of, content, revision
from drillbook.run import write_whole

_SHOWN = 20
_HASH = 8
_WHOLE = ("run", "when (UTC)", "drills", "verdict", "verdicts", "TTM", "TTR")  # columns that are never cut
_LONGEST = 15  # digits of the number of a run, which SQLite can hold
_STYLES = {Change.WORSE: "bold red", Change.BETTER: "bold green", Change.UNSURE: "yellow", Change.SAME: "dim"}
_TIMES = {Change.WORSE: "slower", Change.BETTER: "faster"}


def history_command(name: str | None, *, limit: int | None, as_json: bool, html: Path | None) -> int:
    """Show the runs that are on file, or the drills of the scenario or variant `name`; an exit code.

    Raises:
        InputError: the history can't be used, or the page can't be written.
    """
    history = History(place())
    scenario, _, variant = (name or "").partition("/")
    if html is not None:
        drills = history.drills(scenario=scenario, variant=variant, limit=limit)
        if not drills:
            raise InputError("no such drill is on file", path=history.path, hint="run drillbook first")
        write(html, trend.page(drills))
        click.echo(f"Report: {html}")
        return ExitCode.OK
    if name is None:
        _show_runs(history, history.runs(limit=limit or _SHOWN), as_json=as_json)
    else:
        drills = history.drills(scenario=scenario, variant=variant, limit=limit or _SHOWN)
        _show_drills(history, drills, as_json=as_json)
    return ExitCode.OK


def write(file: Path, text: str) -> None:
    """Write `text` to `file`, whole.

    Raises:
        InputError: it can't be written.
    """
    try:
        write_whole(file, text)
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", path=file) from error


def _show_runs(history: History, runs: Sequence[PastRun], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(dumps({"schema": 1, "runs": [run.to_json() for run in runs]}))
        return
    if not runs:
        click.echo(f"nothing is on file yet ({history.path})")
        return
    table = _table("run", "when (UTC)", "runbook", "drills", "verdicts", "command")
    for run in runs:
        verdicts = Counter(drill.verdict for drill in run.drills)
        table.add_row(
            str(run.id),
            _when(run.recorded),
            ", ".join(sorted({drill.at for drill in run.drills})),
            str(len(run.drills)),
            Text("\n").join(Text(f"{verdict} {n}", STYLES[verdict]) for verdict, n in verdicts.most_common()),
            run.command,
        )
    plain_console().print(table)


def _show_drills(history: History, drills: Sequence[Record], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(dumps({"schema": 1, "drills": [drill.to_json() for drill in drills]}))
        return
    if not drills:
        click.echo(f"no such drill is on file ({history.path})")
        return
    machines = {_machine(drill) for drill in drills}
    columns = ["run", "when (UTC)", "scenario/variant", "runbook", "verdict", "TTM", "TTR"]
    table = _table(*columns, *(["machine"] if len(machines) > 1 else []))
    for drill in drills:
        gap = " (known gap)" if drill.known_gap is not None else ""
        table.add_row(
            str(drill.run),
            _when(drill.started),
            drill.name,
            drill.at,
            Text(f"{drill.verdict}{gap}", STYLES[drill.verdict]),
            seconds(drill.durations.ttm),
            seconds(drill.durations.ttr),
            *([_machine(drill)] if len(machines) > 1 else []),
        )
    out = plain_console()
    out.print(table)
    if len(machines) == 1:
        out.print(Text(f"All on {machines.pop()}", style="dim"))


def _machine(drill: Record) -> str:
    return f"{drill.backend}, {drill.machine_class or 'a machine that is not on file'}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    return table


def _when(moment: str) -> str:
    return moment[:16].replace("T", " ")


# --------------------------------------------------------------------------- compare


@dataclass(frozen=True, slots=True)
class Gates:
    """What a comparison must keep to: no TTR above `max_ttr` seconds in HEAD, nothing worse than in BASE."""

    max_ttr: float | None = None
    no_regression: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """A group of drills and what it is of."""

    label: str
    records: tuple[Record, ...]


def compare_command(base: str, head: str, *, gates: Gates, runbook: Path | None, as_json: bool) -> int:
    """Compare the drills that `base` and `head` name; an exit code.

    Raises:
        InputError: one of them names no drills, or both the same.
    """
    history = History(place())
    before, after = (side(word, history, runbook) for word in (base, head))
    if before.records == after.records:
        raise InputError(f"BASE and HEAD are the same drills ({before.label})")
    made = compare(before.records, after.records)
    slow = over(grouped(after.records, least=1), gates.max_ttr) if gates.max_ttr is not None else []
    if as_json:
        sides = {"base": before.label, "head": after.label}
        data: Json = {"schema": 1, **sides, **made.to_json(), "over_max_ttr": list(slow)}
        sys.stdout.write(dumps(data))
    else:
        _show(made, before, after, plain_console())
    failed = False
    if slow:
        failed = True
        click.echo(f"drillbook: TTR over {gates.max_ttr:g} s: {', '.join(slow)}", err=True)
    if gates.no_regression and made.regressions:
        failed = True
        named = "; ".join(f"{pair.name}: {pair.regressed}" for pair in made.regressions)
        click.echo(f"drillbook: regressed: {named}", err=True)
    if failed:
        return ExitCode.FAILED
    if not made.pairs:
        click.echo("drillbook: nothing could be compared", err=True)
        return ExitCode.INCONCLUSIVE
    return ExitCode.OK


def side(word: str, history: History, runbook: Path | None) -> Side:
    """The drills that `word` names: of a run directory, of a run on file, or of a runbook's git revision.

    Raises:
        InputError: it names none.
    """
    folder = Path(word)
    if folder.is_dir():
        return _of_folder(folder)
    run = history.run(int(word)) if word.isascii() and word.isdigit() and len(word) <= _LONGEST else None
    if run is not None:
        at = ", ".join(sorted({drill.at for drill in run.drills}))
        return Side(f"run {run.id} of {_when(run.recorded)} UTC, runbook {at}", run.drills)
    return _of_revision(word, history, runbook)


def _of_folder(folder: Path) -> Side:
    dirs = (
        [folder] if (folder / JOURNAL).exists() else [p.parent for p in sorted(folder.glob(f"*/{JOURNAL}"))]
    )
    if not dirs:
        raise InputError(f"holds no {JOURNAL}", path=folder, hint="name the directory of a run or of a drill")
    return Side(str(folder), tuple(record_of(result(run_dir)) for run_dir in dirs))


def _of_revision(word: str, history: History, runbook: Path | None) -> Side:
    """The drills of every runbook on file as its bytes were at that revision, wherever they were drilled."""
    folder = runbook.resolve().parent if runbook is not None else Path.cwd()
    commit = commit_of(word, folder)
    if commit is None:
        raise InputError(
            f"{word!r} is no directory, no run on file, and no git revision here",
            hint="`drillbook history` lists the runs",
        )
    there = {
        path: data for path in _paths(history, runbook) if (data := content(commit, path, folder)) is not None
    }
    sums = {hashlib.sha256(data).hexdigest() for data in there.values()}
    records = [record for one in sorted(sums) for record in history.of_runbook(one)]
    if not records:
        at = f"{word} ({commit[:_HASH]})"
        raise InputError(
            f"no drill is on file of {' or '.join(there) or 'a runbook'} as it was at {at}",
            hint="run drillbook on it first, or name a run",
        )
    return Side(f"{', '.join(there)} at {commit[:_HASH]}", tuple(records))


def _paths(history: History, runbook: Path | None) -> list[str]:
    if runbook is None:
        return history.runbook_paths()
    tracked = revision(runbook)
    if tracked is None:
        raise InputError("is in no git repository", path=runbook, hint="name runs or run directories")
    return [tracked.path]


def _show(made: Comparison, before: Side, after: Side, out: Console) -> None:
    for title, group in (("BASE", before), ("HEAD", after)):
        count = len(group.records)
        text = f"  {group.label}: {count} drill{'s' if count != 1 else ''}"
        out.print(Text(title, style="bold") + Text(text, style="default"))
    shown = [pair for pair in made.pairs if pair.verdicts is not Change.SAME or pair.shift is not None]
    if shown:
        out.print()
        out.print(_pairs_table(shown))
        out.print()
    for pair in made.pairs:
        if pair.fall is not None and pair.threshold is not None and pair.verdicts is not Change.SAME:
            better = "RESOLVED" if pair.threshold is Verdict.RESOLVED else f"{pair.threshold} or better"
            low, high = 100 * pair.fall.low, 100 * pair.fall.high
            points = f"the share that is {better} changed by {low:+.0f} to {high:+.0f} percentage points"
            _tell(out, pair.name, points)
    as_it_was = [pair.name for pair in made.pairs if pair not in shown]
    if as_it_was:
        _tell(out, f"{len(as_it_was)} as before, and not resolved", ", ".join(as_it_was))
    for reason, names in _by_reason(made.apart).items():
        _tell(out, f"not compared, {reason}", ", ".join(names))
    for note in made.notes:
        out.print(Text(note, style="dim"))
    if made.pairs:
        out.print(Text(method(made), style="dim"))


def _tell(out: Console, what: str, of: str) -> None:
    out.print(Text(f"{what}: ", style="bold") + Text(of, style="default"))


def _by_reason(apart: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, reason in apart:
        found.setdefault(reason, []).append(name)
    return found


def method(made: Comparison) -> str:
    """How the figures were come by."""
    number = len(made.pairs)
    each = f", {100 * made.each:.4g} % for each of {number} so that all hold together" if number > 1 else ""
    return (
        f"{100 * made.level:.0f} % intervals{each}. Shares after Newcombe. TTR after Hodges and Lehmann,"
        " exact; what was not resolved is longer than any. Slower and faster are those beyond the probe's"
        f" interval as well, which takes {made.needed} drills on each side."
    )


def _pairs_table(pairs: Sequence[Pair]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("scenario/variant", overflow="fold")
    for column in ("BASE", "HEAD", "came out", "median TTR", "TTR longer by"):
        table.add_column(column, no_wrap=True)
    for pair in pairs:
        changes = [Text(pair.verdicts.value, _STYLES[pair.verdicts])]
        if pair.times in _TIMES:
            changes.append(Text(_TIMES[pair.times], _STYLES[pair.times]))
        table.add_row(
            Text(pair.name),
            _verdicts(pair.base),
            _verdicts(pair.head) + Text("\nknown gap" if pair.head.known_gap is not None else "", "dim"),
            Text("\n").join(changes),
            f"{_median(pair.base)}\n{_median(pair.head)}",
            _longer(pair),
        )
    return table


def _verdicts(repeats: Repeats) -> Text:
    shares = [Text(f"{share.verdict} {share.count}", STYLES[share.verdict]) for share in repeats.verdicts]
    left = [Text(f"{verdict} {n}", "dim") for verdict, n in repeats.left_out.items()]
    return Text("\n").join([*shares, *left])


def _median(repeats: Repeats) -> str:
    return median_text(repeats.ttr, deadline(repeats)).partition(" (")[0]


def _longer(pair: Pair) -> str:
    if pair.shift is None:
        return "-"
    return (
        span(pair.shift).replace(" (", "\n(")
        if pair.shift.interval is not None
        else f"{span(pair.shift)}\n(too few)"
    )
