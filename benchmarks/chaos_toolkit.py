"""The same drill written for Chaos Toolkit, run in the same sandbox against the same servers and app.

It is run by `benchmarks.chaos_sandbox`; here it is started, timed, and broken down by Chaos Toolkit's own
journal into the parts that the drill has too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import drill
from benchmarks.planned import planned
from drillbook.model import Phase, to_json
from drillbook.stack import sandbox

CHAOS = Path(sys.executable).parent / "chaos"
ROOT = Path(__file__).resolve().parent.parent
ITSELF = "chaos, its start and end"


def measure(folder: Path) -> drill.Measured:
    """Run the experiment once, with what it leaves in `folder`."""
    folder.mkdir(parents=True)
    began = time.monotonic()
    with planned(folder) as (work, host):
        (folder / "spec.json").write_text(json.dumps(to_json(work)))
        Path(work.logs).mkdir(parents=True)
        argv = sandbox.command(
            [sys.executable, "-m", "benchmarks.chaos_sandbox", str(folder)],
            writable=[folder],
            readable=[*host.readable(), ROOT],
            environment={"PATH": os.defpath, "HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)},
        )
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    wall_s = time.monotonic() - began
    if done.returncode != 0:
        raise SystemExit(f"the experiment failed:\n{done.stdout}{done.stderr}")
    figures = json.loads((folder / "figures.json").read_text())
    journal = json.loads((folder / "journal.json").read_text())
    lines = [planned_step.step.line for planned_step in work.steps]
    activities = _activities(journal, lines)
    boot_s, run_s, stop_s = figures["boot_s"], figures["run_s"], figures["stop_s"]
    parts = {drill.BEFORE: wall_s - boot_s - run_s - stop_s, Phase.BOOT.value: boot_s}
    parts |= {ITSELF: run_s - sum(activities.values()), **activities, Phase.TEAR_DOWN.value: stop_s}
    return drill.Measured(wall_s, parts)


def _activities(journal: Mapping[str, Any], lines: list[int]) -> dict[str, float]:
    """What Chaos Toolkit did and how long it took, in seconds, by the drill's names for it."""
    names = [Phase.INJECT.value, Phase.DETECT.value, *(f"step at line {line}" for line in lines)]
    method = dict(zip(names, map(_seconds, journal["run"]), strict=True))
    before, after = (journal["steady_states"][side]["probes"] for side in ("before", "after"))
    steady, verify = sum(map(_seconds, before)), sum(map(_seconds, after))
    return {Phase.STEADY.value: steady, **method, Phase.VERIFY.value: verify}


def _seconds(activity: Mapping[str, Any]) -> float:
    start, end = (datetime.fromisoformat(activity[side]) for side in ("start", "end"))
    return (end - start).total_seconds()
