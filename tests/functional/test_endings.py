"""Every way out of `drillbook run`: nothing is left behind, and nothing that was measured is lost."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.functional.conftest import COMMAND, Running, Team, left_behind, wait_for, worker_of

from drillbook.journal import read

PHASES = ("boot", "inject", "detect", "respond", "verify")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_with_its_reports_and_nothing_else(
    start: Callable[..., Running], number: signal.Signals
) -> None:
    running = start()
    running.wait_for_phase("detect")
    mark = running.mark()
    running.process.send_signal(number)
    output, _ = running.process.communicate(timeout=40)
    assert running.process.returncode == 2, output
    assert left_behind(mark) == []
    result = json.loads((running.journal.parent / "result.json").read_text())
    assert result["verdict"] == "INFRA_ERROR"
    assert "interrupted in phase" in result["reason"].lower()
    assert "Traceback" not in output


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("flag", ["", "--no-sandbox"], ids=["sandboxed", "unconfined"])
def test_after_sigkill_nothing_is_left_and_recover_finishes_the_report(
    start: Callable[..., Running], phase: str, flag: str
) -> None:
    running = start(*filter(None, [flag]))
    running.wait_for_phase(phase)
    mark = running.mark()
    running.process.kill()
    wait_for(lambda: left_behind(mark) == [], "everything has ended", 20)
    assert read(running.journal)
    done = running.team.drillbook("recover", "out")
    assert done.exit_code == 0, done.stderr
    assert not (running.journal.parent / "logs" / "spec.json").exists(), "an app's variables are in it"
    result = json.loads((running.journal.parent / "result.json").read_text())
    assert result["verdict"] == "INFRA_ERROR"
    assert "interrupted in phase" in result["reason"].lower()
    again = running.team.drillbook("recover", "out")
    assert "nothing to recover" in again.stdout


def test_a_run_that_goes_on_is_not_recovered(start: Callable[..., Running]) -> None:
    running = start()
    running.wait_for_phase("detect")
    assert "nothing to recover" in running.team.drillbook("recover", "out").stdout
    assert running.process.poll() is None


def test_a_worker_that_is_killed_is_told_as_a_failure_of_the_harness(
    start: Callable[..., Running],
) -> None:
    running = start()
    running.wait_for_phase("detect")
    worker_of(running.process.pid).kill()
    output, _ = running.process.communicate(timeout=40)
    assert running.process.returncode == 3, output
    result = json.loads((running.journal.parent / "result.json").read_text())
    assert result["verdict"] == "INFRA_ERROR"


def test_a_full_disk_is_told_in_one_line(team: Team, tmp_path: Path) -> None:
    plan = team.write()
    small = tmp_path / "small"
    small.mkdir()
    run = f"{COMMAND} run {plan} --no-control --out {small}/out"
    script = f"mount -t tmpfs -o size=100k tmpfs {small} && exec {run}"
    argv = ["unshare", "--mount", "--map-root-user", "bash", "-c", script]
    done = subprocess.run(argv, cwd=team.folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
