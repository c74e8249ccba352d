"""What runs in the sandbox, by `python -m benchmarks.chaos_sandbox FOLDER`: the stack, and `chaos run` on it.

Chaos Toolkit is told to do what it can: a hypothesis before and after, the fault, a pause until it shows,
the runbook's commands. The stack is brought up by Drillbook's own parts, since it has none.
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
from pathlib import Path
from typing import Any

from benchmarks.chaos_toolkit import CHAOS
from drillbook.backends.local import LocalStack
from drillbook.journal import Journal, build
from drillbook.operator import open_shell
from drillbook.registry import scenario
from drillbook.spec import DrillSpec

_DEADLINE_S = 100.0


async def main(folder: Path) -> int:
    """Run the experiment whose spec is in `folder`; 1 where it did not find what it should."""
    work = build(DrillSpec, json.loads((folder / "spec.json").read_text()))
    variant = next(v for v in scenario(work.header.scenario).variants if v.name == work.header.variant)
    stack = LocalStack(work, Journal(folder / "journal.jsonl"), variant.setup)
    began = time.monotonic()
    await stack.start()
    booted = time.monotonic()
    try:
        shell = open_shell(work, stack)
        settings = {
            "app_url": stack.url,
            "app_role": stack.database.url("app"),
            "clock": str(Path(work.scratch) / "postgres-clock"),
        }
        steps = [planned.run for planned in work.steps]
        code = await asyncio.to_thread(_chaos, folder, settings, shell.environment, steps)
    finally:
        ended = time.monotonic()
        await stack.stop()
    figures = {"boot_s": booted - began, "run_s": ended - booted, "stop_s": time.monotonic() - ended}
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
    env["CHAOS_SETTINGS"] = json.dumps(settings)
    done = subprocess.run(
        argv, cwd=folder, env=env, capture_output=True, text=True, timeout=_DEADLINE_S, check=False
    )
    said = done.stdout + done.stderr
    (folder / "chaos.log").write_text(said)
    try:
        journal = json.loads((folder / "journal.json").read_text())
    except FileNotFoundError:
        sys.stderr.write(f"chaos left no journal:\n{said}")
        return 1
    failed = [a["activity"]["name"] for a in journal["run"] if a["status"] != "succeeded" or not _went(a)]
    if journal["status"] != "completed" or journal["deviated"] or failed:
        sys.stderr.write(f"{said}failed: {failed}\n")
        return 1
    return 0


def _went(activity: Mapping[str, Any]) -> bool:
    """Whether what was done came to anything: Chaos Toolkit itself calls a command that fails a success."""
    output = activity["output"]
    return output["status"] == 0 if isinstance(output, dict) else output is True


def _experiment(settings: Mapping[str, str], steps: list[str]) -> dict[str, Any]:
    def python(name: str, function: str, kind: str, **more: Any) -> dict[str, Any]:
        provider = {"type": "python", "module": "benchmarks.chaos_stuck", "func": function}
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
        sys.exit(asyncio.run(main(Path(sys.argv[1]))))
