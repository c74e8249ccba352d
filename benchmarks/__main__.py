"""What a drill costs: start-up, a drill part by part, Chaos Toolkit beside it, and how true the TTM is.

One run measures everything, in turns, and exits 1 where an aim is missed. Its figures hold only for a
machine that nobody else keeps busy: the last lines say whether that was so.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from benchmarks import accuracy, chaos_toolkit, drill, machine, startup, tables
from benchmarks.planned import DRILL

AIM_VERSION_S = 0.150
AIM_SERVING_S = 1.5
AIM_VERDICT_S = 5.0


@dataclass
class Taken:
    """Everything that was measured, and who else was at work."""

    others: machine.Others
    version: list[float] = field(default_factory=list)
    python: list[float] = field(default_factory=list)
    drills: list[drill.Measured] = field(default_factory=list)
    peers: list[drill.Measured] = field(default_factory=list)
    cold: list[drill.Measured] = field(default_factory=list)
    errors: dict[str, list[accuracy.Measured]] = field(default_factory=dict)


def main() -> int:
    """Measure and tell; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--repeat", type=int, default=5, metavar="N", help="how often each is run (default: 5)"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="how long to wait in all while others keep the machine busy (default: 60)",
    )
    options = parser.parse_args()
    repeat: int = options.repeat
    if repeat < 1:
        parser.error("--repeat must be at least 1")
    if not chaos_toolkit.CHAOS.exists():
        parser.error("Chaos Toolkit is not here: python -m pip install --group bench (pip 25.1 or later)")
    # A file or a pipe gets plain text of a fixed width.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    with tempfile.TemporaryDirectory(prefix="drillbook-bench-") as folder:
        taken = measure(Path(folder), repeat, options.patience)
    return show(console, taken, repeat)


def measure(folder: Path, repeat: int, patience_s: float) -> Taken:
    """Measure everything `repeat` times, in turns, so that a busy moment falls on all alike.

    Others are given `patience_s` seconds in all to be done.
    """
    taken = Taken(machine.Others(patience_s))
    drill.measure(folder / "warming")  # what the first drill on a machine makes is there from then on
    for n in range(repeat):
        say(f"run {n + 1} of {repeat}")
        taken.others.wait_until_quiet()
        taken.python.append(startup.python_s())
        taken.version.append(startup.version_s())
        taken.others.wait_until_quiet()
        taken.drills.append(drill.measure(folder / f"drill-{n}"))
        taken.others.wait_until_quiet()
        taken.peers.append(chaos_toolkit.measure(folder / f"chaos-{n}"))
        taken.others.wait_until_quiet()
        taken.cold.append(drill.measure(folder / f"cold-{n}", folder / f"cache-{n}"))
        for mode in accuracy.MODES:
            taken.others.wait_until_quiet()
            taken.errors.setdefault(mode, []).append(accuracy.measure(folder / f"{mode}-{n}", mode))
    say("")
    return taken


def show(console: Console, taken: Taken, repeat: int) -> int:
    """Show the tables; 1 where an aim is missed."""
    console.print(f"machine   {machine.describe()}\nversions  {machine.versions()}")
    console.print(f"figures   the median of {repeat} runs in milliseconds, with the least and the most")
    names = ("Drillbook", "Chaos Toolkit")
    runs = dict(zip(names, (taken.drills, taken.peers), strict=True))
    console.print()
    console.print(
        tables.side_by_side(
            f"One warm drill, {DRILL}, without its control",
            {name: [run.parts for run in some] for name, some in runs.items()},
            {name: [run.wall_s for run in some] for name, some in runs.items()},
        )
    )
    console.print(
        tables.figures(
            "Starts",
            {
                "python -c pass": taken.python,
                "drillbook --version": taken.version,
                "drillbook run, until the stack serves": [run.serving_s for run in taken.drills],
                "the same, with an empty cache": [run.serving_s for run in taken.cold],
            },
        )
    )
    interval_ms = 1000 * _all(taken)[0].interval_s
    rows: dict[str, Sequence[float]] = {}
    for mode, what in accuracy.MODES.items():
        rows[f"{what}: mitigate"] = [error.mitigate_s for error in taken.errors[mode]]
        rows[f"{what}: TTM"] = [error.ttm_s for error in taken.errors[mode]]
    console.print(
        tables.figures(
            f"Measured minus true: an outage that ends by itself; probes every {interval_ms:.0f} ms",
            rows,
        )
    )
    aims = judge(taken)
    console.print(tables.aims(aims))
    console.print(f"The machine was {taken.others.describe()}")
    return 0 if all(met for _, _, met in aims) else 1


def judge(taken: Taken) -> list[tuple[str, str, bool]]:
    """Each aim, what was measured, and whether it is met."""
    version = statistics.median(taken.version)
    serving = statistics.median(run.serving_s for run in taken.drills)
    verdict = statistics.median(run.wall_s for run in taken.drills)
    errors, interval_s = _all(taken), _all(taken)[0].interval_s
    farthest = max(max(abs(error.mitigate_s), abs(error.ttm_s)) for error in errors)
    return [
        _aim("drillbook --version", version, AIM_VERSION_S),
        _aim("from nothing to a stack that serves", serving, AIM_SERVING_S),
        _aim("from command to verdict", verdict, AIM_VERDICT_S),
        _aim("mitigate and TTM, each farthest from the truth", farthest, interval_s),
    ]


def _aim(name: str, measured_s: float, bound_s: float) -> tuple[str, str, bool]:
    return f"{name}: within {bound_s * 1000:.0f} ms", f"{measured_s * 1000:.0f}", measured_s <= bound_s


def _all(taken: Taken) -> list[accuracy.Measured]:
    return [error for errors in taken.errors.values() for error in errors]


def say(text: str) -> None:
    """Show how far it is, where somebody looks on."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.stderr.write(f"{os.linesep}interrupted\n")
        sys.exit(2)
