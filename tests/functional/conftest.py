"""The installed command, run as a user runs it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from drillbook.places import cores
from drillbook.stack.guard import marked

COMMAND = Path(sys.executable).parent / "drillbook"
DEADLINE_S = 180.0

collect_ignore = ["sample_project"]  # a team's project: it is run by a test, in a copy

RUNBOOK = """\
# Orders

## Database Issues

```bash
# Check connection
railway run psql $DATABASE_URL -c "SELECT 1"

# Kill stuck transactions (if needed)
railway run psql $DATABASE_URL -c "{kill}"
```
"""
KILL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE state = 'idle in transaction' AND query_start < now() - interval '10 minutes'"
)
PLAN = """\
runbook: runbook.md
platform: {{name: railway, surface: documented}}
operator: {{role: {role}, exports: [DATABASE_URL, REDIS_URL]}}
drills:
  - scenario: stuck-transactions
    section: Database Issues
    variants:
      {variant}: {{}}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here: `make test` runs it side by side, as a run's drills are."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.functional)


def jobs() -> int:
    """How many drills a test may run side by side, beside the other tests that run now."""
    return max(1, cores() // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Team:
    """A team's repository: a runbook, a plan, and the command."""

    folder: Path

    def drillbook(
        self, *arguments: str, environment: Mapping[str, str] | None = None, deadline_s: float = DEADLINE_S
    ) -> Done:
        done = subprocess.run(
            [str(COMMAND), *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=deadline_s,
            check=False,
            env={**os.environ, **(environment or {})},
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def write(
        self, *, kill: str = KILL, variant: str = "idle-past-threshold", role: str = "superuser"
    ) -> Path:
        (self.folder / "runbook.md").write_text(RUNBOOK.format(kill=kill))
        plan = self.folder / "plan.yaml"
        plan.write_text(PLAN.format(variant=variant, role=role))
        return plan

    def drill(self, *arguments: str) -> dict[str, Any]:
        """The one drill that `drillbook run` with `arguments` carries out, as its JSON."""
        file = self.folder / "results.json"
        done = self.drillbook("run", "--json", str(file), *arguments)
        assert file.exists(), done.stderr
        drills = json.loads(file.read_text())["drills"]
        assert len(drills) == 1
        drill: dict[str, Any] = drills[0]
        drill["exit"] = done.exit_code
        return drill


def left_behind(mark: str) -> list[str]:
    """The processes of the run with that mark that still live."""
    left = []
    for process in marked(mark):
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                left.append(f"{process.pid} {' '.join(process.cmdline())}")
    return left


def worker_of(command: int) -> psutil.Process:
    """The worker that the command with that id runs: the oldest, for until a child of its own has become
    another program, that has the worker's command line."""
    workers = []
    for process in psutil.Process(command).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # short-lived, and gone meanwhile
            if process.cmdline()[1:3] == ["-m", "drillbook.worker"]:
                workers.append(process)
    return min(workers, key=psutil.Process.create_time)


def wait_for(condition: Callable[[], bool], what: str, deadline_s: float = 60.0) -> None:
    """Wait until `condition` holds."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s:g} s: {what}"
        time.sleep(0.02)  # between two looks


class Running:
    """A `drillbook run` in the background, of a drill whose phases all last."""

    def __init__(self, team: Team, *flags: str) -> None:
        self.team = team
        plan = team.write(variant="savepoint-aborted")  # not resolved
        self.process = subprocess.Popen(
            [str(COMMAND), "run", str(plan), "--no-control", "--out", "out", *flags],
            cwd=team.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.journal = team.folder / "out" / "stuck-transactions--savepoint-aborted" / "journal.jsonl"

    def wait_for_phase(self, phase: str) -> None:
        wait_for(lambda: f'"phase":"{phase}"' in self.text(), f"the phase {phase} begins")

    def text(self) -> str:
        return self.journal.read_text() if self.journal.exists() else ""

    def mark(self) -> str:
        return str(json.loads((self.team.folder / "out" / "run.json").read_text())["mark"])


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """A team's empty repository."""
    return Team(tmp_path)


@pytest.fixture
def start(team: Team) -> Iterator[Callable[..., Running]]:
    """Starts a run, and sees to its end whatever the test does."""
    made: list[Running] = []

    def begin(*flags: str) -> Running:
        made.append(Running(team, *flags))
        return made[-1]

    yield begin
    for running in made:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGTERM)
        running.process.communicate(timeout=60)
