"""One drill by the installed command, broken down by the phases and steps of its own journal."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.planned import DRILL
from benchmarks.startup import COMMAND
from drillbook.events import DrillEnded, PhaseStarted, StepEnded, StepStarted
from drillbook.journal import Entry, events, read
from drillbook.model import Phase

BEFORE = "command and sandbox"
AFTER = "verdict and reports"
WATCHING = "watch after each step"


@dataclass(frozen=True)
class Measured:
    """What one drill took, in seconds.

    `wall_s` is from the command to the verdict, and `parts` what it is made of, in order and without rest.
    """

    wall_s: float
    parts: dict[str, float]

    @property
    def serving_s(self) -> float:
        """From the command to a stack that serves."""
        return self.parts[BEFORE] + self.parts[Phase.BOOT]


def measure(folder: Path, cache: Path | None = None) -> Measured:
    """Run the drill with its results in `folder`, and with `cache` in the place of the user's cache."""
    argv = [str(COMMAND), "run", DRILL, "--no-control", "--no-history", "--out", str(folder)]
    environment = dict(os.environ) if cache is None else {**os.environ, "XDG_CACHE_HOME": str(cache)}
    began = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, env=environment)
    wall_s = time.monotonic() - began
    if done.returncode != 0:
        raise SystemExit(f"the drill failed:\n{done.stdout}{done.stderr}")
    entries = read(next(folder.glob("*/journal.jsonl")))
    moments = [(entry.t, str(event.phase)) for entry, event in events(entries, PhaseStarted)]
    moments.append((events(entries, DrillEnded)[0][0].t, ""))
    parts = {BEFORE: moments[0][0] - began}
    for (start, phase), (end, _) in pairwise(moments):
        if phase == Phase.RESPOND:
            parts |= _respond(entries, end - start)
        else:
            parts[phase] = end - start
    parts[AFTER] = began + wall_s - moments[-1][0]
    return Measured(wall_s, parts)


def _respond(entries: Sequence[Entry], seconds: float) -> dict[str, float]:
    """Each step, then what was spent on watching what they did."""
    begun = {event.id: (entry.t, event.line) for entry, event in events(entries, StepStarted)}
    steps: dict[str, float] = {}
    for entry, event in events(entries, StepEnded):
        at, line = begun[event.id]
        steps[f"step at line {line}"] = entry.t - at
    return {**steps, WATCHING: seconds - sum(steps.values())}
