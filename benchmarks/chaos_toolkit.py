"""The same drill written for Chaos Toolkit: the same sandbox, servers, app, fault and commands.

`measure` starts this file in a sandbox; there it brings the stack up and runs `chaos run` on it. Chaos
Toolkit is told to do what it can: a hypothesis before and after, the fault, a pause until it shows, the
runbook's commands. It has no control, no clocks, no proof that the fault took, and no invariants.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drillbook import library
from drillbook.backends.local import LocalStack
from drillbook.commands.run import PACKAGED_PLAN
from drillbook.host import make_ready
from drillbook.journal import Journal, build
from drillbook.model import to_json
from drillbook.operator import open_shell
from drillbook.plan import load_plan, select
from drillbook.schedule import Options, slots, spec
from drillbook.spec import DrillSpec
from drillbook.stack import sandbox

CHAOS = Path(sys.executable).parent / "chaos"
HERE = Path(__file__).resolve()


@dataclass(frozen=True)
class Measured:
    """Wall times in seconds: the stack, `chaos run`, and all of it from the command to the verdict."""

    boot_s: float
    run_s: float
    wall_s: float


def measure(folder: Path) -> Measured:
    """Run the experiment once."""
    if not CHAOS.exists():
        raise SystemExit("Chaos Toolkit is not here: pip install --group bench")
    folder.mkdir(parents=True)
    began = time.monotonic()
    plan = load_plan(library.drills_dir() / PACKAGED_PLAN)
    drills = select(plan, ["stuck-transactions/idle-past-threshold"], all_variants=False)
    with ExitStack() as keep:
        host = make_ready(sandboxed=True, jump_clock=True, keep=keep)
        work = spec(slots(plan, drills, 1, folder)[0], Options(control=False), host)
        (folder / "spec.json").write_text(json.dumps(to_json(work)))
        Path(work.logs).mkdir(parents=True)
        argv = sandbox.command(
            [sys.executable, str(HERE), str(folder)],
            writable=[folder],
            readable=[*host.readable(), HERE.parent.parent],
            environment={"PATH": os.defpath, "HOME": "/tmp", "LANG": "C.UTF-8"},  # the sandbox's own
        )
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the experiment failed:\n{done.stdout}{done.stderr}")
    figures = json.loads((folder / "figures.json").read_text())
    return Measured(figures["boot_s"], figures["run_s"], time.monotonic() - began)


async def _in_sandbox(folder: Path) -> int:
    work = build(DrillSpec, json.loads((folder / "spec.json").read_text()))
    journal = Journal(folder / "journal.jsonl")
    stack = LocalStack(work, journal)
    began = time.monotonic()
    await stack.start()
    booted = time.monotonic()
    try:
        shell = open_shell(work, stack)
        settings = {
            "app_url": stack.url,
            "superuser": stack.database.url("superuser"),
            "app_role": stack.database.url("app"),
            "clock": str(Path(work.scratch) / "postgres-clock"),
        }
        steps = [planned.run for planned in work.steps]
        code = await asyncio.to_thread(_chaos, folder, settings, shell.environment, steps)
    finally:
        ended = time.monotonic()
        await stack.stop()
    figures = {"boot_s": booted - began, "run_s": ended - booted}
    (folder / "figures.json").write_text(json.dumps(figures))
    return code


def _chaos(
    folder: Path, settings: Mapping[str, str], environment: Mapping[str, str], steps: list[str]
) -> int:
    experiment = folder / "experiment.json"
    experiment.write_text(json.dumps(_experiment(settings, steps)))
    argv = [str(CHAOS), "--no-version-check", "run", str(experiment)]
    # Its commands run in its own environment: what the on-call shell has, and a PATH for chaos itself.
    env = {**os.environ, **environment, "PATH": f"{environment['PATH']}:{os.defpath}"}
    env |= {"PYTHONPATH": str(HERE.parent), "CHAOS_SETTINGS": json.dumps(settings)}
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=100, check=False)
    (folder / "chaos.log").write_text(done.stdout + done.stderr)
    journal = json.loads((folder / "journal.json").read_text())
    if journal["status"] != "completed" or journal["deviated"]:
        sys.stderr.write(done.stdout + done.stderr)
        return 1
    return 0


def _experiment(settings: Mapping[str, str], steps: list[str]) -> dict[str, Any]:
    def python(name: str, function: str, kind: str, **more: Any) -> dict[str, Any]:
        provider = {"type": "python", "module": "chaos_stuck", "func": function}
        return {"type": kind, "name": name, "provider": provider, **more}

    def step(command: str) -> dict[str, Any]:
        arguments = ["-c", command]
        provider = {"type": "process", "path": "/bin/bash", "arguments": arguments, "timeout": 10}
        return {"type": "action", "name": command[:60], "provider": provider}

    health = {
        "type": "probe",
        "name": "the app is healthy",
        "tolerance": 200,
        "provider": {"type": "http", "url": f"{settings['app_url']}/health", "timeout": 2},
    }
    order = python("an order can be placed", "order", "probe", tolerance=201)
    return {
        "title": "A stuck transaction is cured by the runbook",
        "description": "A transaction that is idle for over 10 minutes holds the hot product's row.",
        "steady-state-hypothesis": {"title": "Orders are taken", "probes": [health, order]},
        "method": [
            python("hold the hot product's row", "hold", "action"),
            python("orders fail", "wait_until_orders_fail", "probe"),
            *[step(command) for command in steps],
        ],
        "rollbacks": [],
    }


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(_in_sandbox(Path(sys.argv[1]))))
