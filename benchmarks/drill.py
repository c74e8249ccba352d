"""One drill by the installed command, broken down by the phases and steps of its own journal."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.startup import COMMAND
from drillbook.events import DrillEnded, PhaseStarted, StepEnded, StepStarted
from drillbook.journal import Entry, events, read

DRILL = "stuck-transactions/idle-past-threshold"


@dataclass(frozen=True)
class Measured:
    """`wall_s` is from the command to its verdict; `parts` is by phase and step; all in seconds."""

    wall_s: float
    parts: dict[str, float]


def measure(folder: Path) -> Measured:
    """Run the drill with its results in `folder`."""
    began = time.monotonic()
    argv = [str(COMMAND), "run", DRILL, "--no-control", "--out", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    wall_s = time.monotonic() - began
    if done.returncode != 0:
        raise SystemExit(f"the drill failed:\n{done.stdout}{done.stderr}")
    entries = read(next(folder.glob("*/journal.jsonl")))
    parts = {"command and sandbox": _first(entries) - began}
    moments = [(entry.t, str(event.phase)) for entry, event in events(entries, PhaseStarted)]
    moments.append((events(entries, DrillEnded)[0][0].t, "end"))
    for (start, phase), (end, _) in pairwise(moments):
        parts[phase] = end - start
        if phase == "respond":
            parts |= _steps(entries)
    parts["verdict and reports"] = began + wall_s - moments[-1][0]
    return Measured(wall_s, parts)


def _first(entries: list[Entry]) -> float:
    return events(entries, PhaseStarted)[0][0].t


def _steps(entries: list[Entry]) -> dict[str, float]:
    lines = {event.id: event.line for _, event in events(entries, StepStarted)}
    ended = events(entries, StepEnded)
    return {f"  step at line {lines[event.id]}": event.seconds for _, event in ended}
