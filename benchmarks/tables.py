"""The tables that a benchmark's figures are shown in."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Table


def spread(values: Sequence[float]) -> tuple[str, str]:
    """The median, and the least to the most, of times in seconds; shown in milliseconds."""
    ms = [value * 1000 for value in values]
    return f"{statistics.median(ms):.0f}", f"{min(ms):.0f} to {max(ms):.0f}" if len(ms) > 1 else ""


def figures(title: str, rows: Mapping[str, Sequence[float]]) -> Table:
    """One figure a row."""
    table = _table(title)
    table.add_column("ms", justify="right")
    table.add_column("least to most", justify="right", style="dim")
    for name, values in rows.items():
        table.add_row(name, *spread(values))
    return table


def side_by_side(
    title: str,
    columns: Mapping[str, Sequence[Mapping[str, float]]],
    totals: Mapping[str, Sequence[float]],
) -> Table:
    """What each of several took, part by part. A part that one of them does not have is left empty."""
    table = _table(title)
    for name in columns:
        table.add_column(f"{name}, ms", justify="right")
        table.add_column("least to most", justify="right", style="dim")
    parts = _merged([list(runs[0]) for runs in columns.values()])
    for part in parts:
        cells: list[str] = []
        for runs in columns.values():
            cells += spread([run[part] for run in runs]) if part in runs[0] else ("", "")
        table.add_row(part, *cells)
    table.add_section()
    table.add_row(
        "from command to verdict",
        *(cell for name in columns for cell in spread(totals[name])),
        style="bold",
    )
    return table


def _merged(orders: Sequence[Sequence[str]]) -> list[str]:
    """All the names, each once, after the one that it follows in its own order."""
    merged: list[str] = []
    for order in orders:
        at = 0
        for name in order:
            if name not in merged:
                merged.insert(at, name)
            at = merged.index(name) + 1
    return merged


def aims(rows: Sequence[tuple[str, str, bool]]) -> Table:
    """What is aimed at, what was measured, and whether it is met."""
    table = _table("Aims")
    table.add_column("measured", justify="right")
    table.add_column("")
    for aim, measured, met in rows:
        table.add_row(aim, measured, "[green]met[/]" if met else "[bold red]MISSED[/]")
    return table


def _table(title: str) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        min_width=74,
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("")
    return table
