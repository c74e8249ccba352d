"""A host that is too busy to keep the probes' cadence: the drill says so, and is carried out again alone."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import psutil
from tests.app.servers import until
from tests.functional.conftest import COMMAND, DEADLINE_S, Team, worker_of

from drillbook.events import DrillStarted, PhaseStarted, Stalled
from drillbook.journal import events, read
from drillbook.model import Phase

STOPPED_S = 0.4


def responding(journal: Path) -> bool:
    return journal.exists() and any(
        event.phase is Phase.RESPOND for _, event in events(read(journal), PhaseStarted)
    )


def stall(command: int, journal: Path) -> None:
    """Keep the worker of the drill that `command` runs from running for a while."""
    until(lambda: responding(journal), "the drill responds", 60)
    worker = worker_of(command)
    worker.send_signal(signal.SIGSTOP)
    try:
        worker.wait(STOPPED_S)
    except psutil.TimeoutExpired:
        worker.send_signal(signal.SIGCONT)


def test_a_bad_verdict_from_a_busy_host_is_not_taken_at_the_first_try(team: Team) -> None:
    plan = team.write(kill="SELECT 1")
    argv = [str(COMMAND), "run", str(plan), "--no-control", "--out", "out", "--json", "results.json"]
    with subprocess.Popen(argv, cwd=team.folder, start_new_session=True) as command:
        run_dir = team.folder / "out" / "stuck-transactions--idle-past-threshold"
        stall(command.pid, run_dir / "journal.jsonl")
        assert command.wait(DEADLINE_S) == 1
    (drill,) = json.loads((team.folder / "results.json").read_text())["drills"]
    assert drill["verdict"] == "NOT_RESOLVED"
    first, second = read(run_dir / "first-try" / "journal.jsonl"), read(run_dir / "journal.jsonl")
    late_s = max(stall.late_s for _, stall in events(first, Stalled))
    assert 0.8 * STOPPED_S < late_s < STOPPED_S + 1.0
    assert isinstance(second[0].event, DrillStarted)
    assert "too busy" in second[0].event.again_because
    assert "was too busy" in (run_dir / "postmortem.md").read_text()


def test_a_good_verdict_stands_though_the_host_was_busy(team: Team) -> None:
    plan = team.write()
    argv = [str(COMMAND), "run", str(plan), "--no-control", "--out", "out"]
    with subprocess.Popen(argv, cwd=team.folder, start_new_session=True) as command:
        run_dir = team.folder / "out" / "stuck-transactions--idle-past-threshold"
        stall(command.pid, run_dir / "journal.jsonl")
        assert command.wait(DEADLINE_S) == 0
    assert events(read(run_dir / "journal.jsonl"), Stalled)
    assert not (run_dir / "first-try").exists()


def test_a_worker_that_dies_is_told_and_not_made_good_by_another_try(team: Team) -> None:
    plan = team.write(kill="SELECT 1")
    argv = [str(COMMAND), "run", str(plan), "--no-control", "--out", "out", "--json", "results.json"]
    with subprocess.Popen(argv, cwd=team.folder, start_new_session=True) as command:
        run_dir = team.folder / "out" / "stuck-transactions--idle-past-threshold"
        journal = run_dir / "journal.jsonl"
        stall(command.pid, journal)
        until(lambda: bool(list(events(read(journal), Stalled))), "the stall is on file", 60)
        worker_of(command.pid).kill()
        assert command.wait(DEADLINE_S) == 3
    (drill,) = json.loads((team.folder / "results.json").read_text())["drills"]
    assert (drill["verdict"], drill["again_because"]) == ("INFRA_ERROR", "")
    assert not (run_dir / "first-try").exists()
