"""The terminal: what the end of a run says of what was not applicable."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console
from tests.journals import control, drill, not_applied, start

from drillbook.commands.terminal import Terminal
from drillbook.result import DrillResult, result_of


def absent(variant: str, reason: str) -> DrillResult:
    entries = not_applied(reason, start(variant=variant)).entries()
    return result_of(entries, None, run_dir=f"out/{variant}")


def test_each_reason_is_told_once_with_the_drills_that_it_is_of() -> None:
    done = result_of(drill().entries(), control().entries(), run_dir="out/a")
    results = [
        done,
        absent("b", "It lacks a table"),
        absent("c", "It lacks a table"),
        absent("d", "No Redis"),
    ]
    text = io.StringIO()
    Terminal(total=4, console=Console(file=text, width=200)).conclude(results, Path("out"))
    lines = text.getvalue().splitlines()
    name = done.scenario
    assert f"{name}/b, {name}/c: It lacks a table" in lines
    assert f"{name}/d: No Redis" in lines
    assert "3 of 4 drills not applicable to this stack, and not counted" in lines
    assert sum("NOT_APPLICABLE" in line for line in lines) == 3
