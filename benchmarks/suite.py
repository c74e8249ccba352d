"""What the packaged plan's suite costs: by phase, in memory, and side by side.

`python -m benchmarks.suite` runs the first variant of each scenario, controls and all, with 1, 2, … jobs. It
adds up what the phases took from the drills' own journals, and looks ten times a second at the memory of all
that one drill started. It exits 1 where an aim is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks import machine, tables
from benchmarks.planned import DRILL
from benchmarks.startup import COMMAND
from drillbook.events import DrillEnded, PhaseStarted
from drillbook.journal import events, read

AIM_SUITE_S = 90.0
AIM_MEMORY_MB = 400.0
_DEADLINE_S = 1200.0
_LOOK_S = 0.1


@dataclass(frozen=True)
class Suite:
    """One run of the suite: its wall time, and what drills and controls spent in each phase, in seconds."""

    jobs: int
    wall_s: float
    phases: Counter[str]


def run(folder: Path, jobs: int) -> Suite:
    """Run the suite with its results in `folder`."""
    argv = [str(COMMAND), "run", "--no-history", "--jobs", str(jobs), "--out", str(folder)]
    began = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    wall_s = time.monotonic() - began
    if done.returncode != 0:
        raise SystemExit(f"the suite failed:\n{done.stdout}{done.stderr}")
    phases: Counter[str] = Counter()
    for journal in folder.glob("*/**/journal.jsonl"):
        entries = read(journal)
        moments = [(entry.t, str(event.phase)) for entry, event in events(entries, PhaseStarted)]
        moments += [(entry.t, "") for entry, _ in events(entries, DrillEnded)]
        for (start, phase), (end, _) in pairwise(moments):
            phases[phase] += end - start  # type: ignore[assignment]  # a Counter of seconds
    return Suite(jobs, wall_s, phases)


def peak_mb(folder: Path) -> float:
    """The most memory that one drill and all that it started had at a time: shared pages count once."""
    argv = [str(COMMAND), "run", DRILL, "--no-control", "--no-history", "--out", str(folder)]
    most = 0.0
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        command = psutil.Process(process.pid)
        while process.poll() is None:
            most = max(most, _memory_mb(command))
            time.sleep(_LOOK_S)  # the interval of the looks
    return most


def _memory_mb(command: psutil.Process) -> float:
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in (command, *command.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
    return total / 1e6


def main() -> int:
    """Measure and tell; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suite", description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2, 3], metavar="N")
    options = parser.parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    others = machine.Others(60.0)
    with tempfile.TemporaryDirectory(prefix="drillbook-bench-") as name:
        folder = Path(name)
        others.wait_until_quiet()
        memory_mb = peak_mb(folder / "memory")
        suites = []
        for jobs in options.jobs:
            others.wait_until_quiet()
            suites.append(run(folder / f"jobs-{jobs}", jobs))
    console.print(f"machine   {machine.describe()}\n")
    table = tables.figures(
        "The suite, from the command to its end", {f"--jobs {s.jobs}": [s.wall_s] for s in suites}
    )
    console.print(table)
    alone = suites[0]
    parts = {phase: [seconds] for phase, seconds in alone.phases.items()}
    console.print(tables.figures(f"All drills and controls by phase, --jobs {alone.jobs}", parts))
    best = min(suite.wall_s for suite in suites)
    aims = [
        (f"the suite: within {AIM_SUITE_S:.0f} s", f"{best:.0f} s", best <= AIM_SUITE_S),
        (
            f"memory of one drill: within {AIM_MEMORY_MB:.0f} MB",
            f"{memory_mb:.0f} MB",
            memory_mb <= AIM_MEMORY_MB,
        ),
    ]
    console.print(tables.aims(aims))
    console.print(f"The machine was {others.describe()}")
    return 0 if all(met for _, _, met in aims) else 1


if __name__ == "__main__":
    sys.exit(main())
