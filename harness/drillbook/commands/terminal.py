"""The terminal: a live line a drill while a run goes on, and a table at its end.

Live lines appear only on a terminal; the table always. `NO_COLOR` is respected (rich sees to it).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from drillbook.model import Verdict
from drillbook.repeats import Repeats, grouped
from drillbook.reporting import repeats as spread
from drillbook.result import DrillResult
from drillbook.schedule import Slot

_PLAIN_WIDTH = 120
STYLES = {
    Verdict.RESOLVED: "bold green",
    Verdict.NOT_RESOLVED: "bold red",
    Verdict.STEP_BROKEN: "bold red",
    Verdict.HARMFUL: "bold red",
    Verdict.SELF_HEALED: "bold yellow",
    Verdict.FAULT_NOT_TAKEN: "bold magenta",
    Verdict.INFRA_ERROR: "bold magenta",
    Verdict.NOT_APPLICABLE: "dim",
}


def plain_console() -> Console:
    """A console on standard output, of a fixed width where that is no terminal."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PLAIN_WIDTH
    return Console(width=width, highlight=False)


class Terminal:
    """Shows a run; see `run.Onlooker`.

    Args:
        total: how many drills the run has.
        console: where to show it; standard error while it runs is standard output's terminal.
    """

    def __init__(self, *, total: int, console: Console | None = None) -> None:
        self._console = console or plain_console()
        self._live = Live(console=self._console, refresh_per_second=10, transient=True)
        self._total = total
        self._done = 0
        self._lines: dict[Path, Text] = {}
        self._phases: dict[Path, str] = {}

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the live lines away."""
        self._live.stop()

    def began(self, slot: Slot, *, control: bool) -> None:
        """A drill, or its control, begins."""
        self._show(slot, "control" if control else "drill", "")

    def told(self, slot: Slot, news: Mapping[str, Any]) -> None:
        """A worker says something."""
        if news.get("kind") == "phase":
            self._phases[slot.run_dir] = str(news.get("phase", ""))
            self._show(slot, self._phases[slot.run_dir], "")
        elif news.get("kind") == "step":
            self._show(slot, self._phases.get(slot.run_dir, ""), str(news.get("text", "")))

    def ended(self, slot: Slot, result: DrillResult) -> None:
        """A drill has its result."""
        self._lines.pop(slot.run_dir, None)
        self._done += 1
        if self._console.is_terminal:
            line = Text.assemble(
                (f"{result.verdict:<16}", STYLES[result.verdict]), f"{slot.label}  ", (result.reason, "dim")
            )
            self._live.console.print(line)
        self._refresh()

    def _show(self, slot: Slot, phase: str, detail: str) -> None:
        self._lines[slot.run_dir] = Text.assemble(
            (f"{phase:<11}", "cyan"), f"{slot.label}  ", (detail.splitlines()[0] if detail else "", "dim")
        )
        self._refresh()

    def _refresh(self) -> None:
        progress = Text(f"{self._done} of {self._total} drills", style="dim")
        self._live.update(Text("\n").join([*self._lines.values(), progress]))

    def conclude(self, results: Sequence[DrillResult], out: Path) -> None:
        """Print the table, the reasons of what is not as it should be, and where the reports are."""
        if not results:
            self._console.print("No drill was carried out.")
            return
        self._console.print(table(results))
        self._tell_repeats(grouped(results))
        for result in results:
            if not result.expected and result.verdict is not Verdict.NOT_APPLICABLE:
                name = Text(f"{result.scenario}/{result.variant}: ", style="bold")
                self._console.print(name + Text(result.reason, style="default"))
        gaps = [result for result in results if result.known_gap and result.expected]
        if gaps:
            self._console.print(
                Text(f"{len(gaps)} known gap{'s' if len(gaps) > 1 else ''}, as expected", style="dim")
            )
        self._tell_absent(results)
        if any(result.altered for result in results):
            return
        where = f"{out}/suite.html" if len(results) > 1 else f"{results[0].run_dir}/postmortem.html"
        self._console.print(f"Report: {where}", soft_wrap=True)

    def _tell_repeats(self, repeats: Sequence[Repeats]) -> None:
        """Print what the drills that were repeated say together, if there are any."""
        if not repeats:
            return
        self._console.print()
        self._console.print(repeats_table(repeats))
        flaky = spread.flaky_text(repeats)
        if flaky:
            self._console.print(Text(flaky, style="bold yellow"))
        self._console.print(Text(spread.method_text(repeats), style="dim"))
        self._console.print()

    def _tell_absent(self, results: Sequence[DrillResult]) -> None:
        """Say what was not applicable, each reason once."""
        absent = _by_reason(results)
        for reason, names in absent.items():
            self._console.print(Text(f"{', '.join(names)}: ", style="bold") + Text(reason, style="default"))
        if absent:
            count = sum(len(names) for names in absent.values())
            text = f"{count} of {len(results)} drills not applicable to this stack, and not counted"
            self._console.print(Text(text, style="dim"))


def _by_reason(results: Sequence[DrillResult]) -> dict[str, list[str]]:
    """The names of the drills that were not applicable, by the reason."""
    found: dict[str, list[str]] = {}
    for result in results:
        if result.verdict is Verdict.NOT_APPLICABLE:
            found.setdefault(result.reason, []).append(f"{result.scenario}/{result.variant}")
    return found


def table(results: Sequence[DrillResult]) -> Table:
    """The results, a row a drill."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    made.add_column("scenario/variant", overflow="fold")
    made.add_column("verdict", no_wrap=True)
    for title in ("TTD", "TTM", "TTR"):
        made.add_column(title, justify="right", no_wrap=True)
    made.add_column("control", no_wrap=True)
    made.add_column("score", justify="right", no_wrap=True)
    for result in results:
        spans = result.durations
        verdict = Text(result.verdict, style=STYLES[result.verdict])
        if result.known_gap:
            verdict.append(f" ({result.gap_note})", "dim")
        made.add_row(
            f"{result.scenario}/{result.variant}",
            verdict,
            *(seconds(value) for value in (spans.ttd, spans.ttm, spans.ttr)),
            _control(result),
            f"{result.score.total:.0f}" if result.score else "-",
        )
    return made


def repeats_table(repeats: Sequence[Repeats]) -> Table:
    """The repeats, a row a variant, with every time beneath its name."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    made.add_column("repeats of, and the TTR of each in s", overflow="fold")
    made.add_column("verdicts", no_wrap=True)
    made.add_column("median TTR", no_wrap=True)
    for each in repeats:
        verdicts = [Text(spread.share_text(share), style=STYLES[share.verdict]) for share in each.verdicts]
        if each.left_out:
            verdicts.append(Text(spread.left_out_text(each), style="dim"))
        made.add_row(
            Text(each.name) + Text(f"\n{spread.each_text(each)}", style="dim"),
            Text("\n").join(verdicts),
            spread.median_text(each.ttr, spread.deadline(each)).replace(" (", "\n("),
        )
    return made


def _control(result: DrillResult) -> str:
    """What became of the control; a dash where no verdict hangs on one."""
    if result.control is not None:
        return str(result.control.verdict)
    return "none" if result.control_needed else "-"


def seconds(value: float | None) -> str:
    """A duration as a table shows it."""
    return "-" if value is None else f"{value:.2f} s"
