"""The guard: where there is no sandbox, nothing that a drill started outlives its command either."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from drillbook.stack.guard import MARK, marked

# A worker that starts a daemon of its own session, as servers do, and then waits for its input's end.
WORKER = """
import subprocess, sys
subprocess.Popen(["sleep", sys.argv[1]], start_new_session=True, stdin=subprocess.DEVNULL)
subprocess.Popen(["bash", "-c", f"setsid sleep {sys.argv[1]} & exit"]).wait()
print("up", flush=True)
sys.stdin.read()
"""
STUBBORN = WORKER + "import time\ntime.sleep(600)\n"


class Guarded:
    """A guard that this test started, and the sleeps behind it."""

    def __init__(self, folder: Path, worker: str = WORKER, mark: str = "") -> None:
        self.marker = f"8{os.getpid()}.{time.monotonic_ns() % 100_000}"
        self.mark = mark or self.marker
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        argv = [sys.executable, "-m", "drillbook.stack.guard", str(self.scratch), "--"]
        argv += [sys.executable, "-c", worker, self.marker]
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, MARK: self.mark},
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"up\n"
        self.wait_for(lambda: self.alive() == 2, "both sleeps run")

    def alive(self) -> int:
        count = 0
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                count += process.cmdline()[:2] == ["sleep", self.marker] and process.status() != "zombie"
        return count

    def wait_for(self, condition: Callable[[], bool], what: str, deadline_s: float = 15.0) -> None:
        end = time.monotonic() + deadline_s
        while not condition():
            assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
            time.sleep(0.02)

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(15)
        self.process.stdout.close()


@pytest.mark.parametrize("worker", [WORKER, STUBBORN], ids=["obedient", "stubborn"])
def test_at_the_end_of_its_input_everything_is_ended_and_the_scratch_is_gone(
    tmp_path: Path, worker: str
) -> None:
    guarded = Guarded(tmp_path, worker)
    guarded.close()
    assert guarded.alive() == 0
    assert not guarded.scratch.exists()


def test_daemons_of_a_worker_that_is_killed_are_ended(tmp_path: Path) -> None:
    guarded = Guarded(tmp_path)
    worker = psutil.Process(guarded.process.pid).children()[0]
    worker.kill()
    guarded.wait_for(lambda: guarded.process.poll() is not None, "the guard ends")
    assert guarded.alive() == 0
    guarded.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_does_not_take_the_guard_away_before_its_time(
    tmp_path: Path, number: signal.Signals
) -> None:
    guarded = Guarded(tmp_path)
    guarded.process.send_signal(number)
    assert guarded.alive() == 2
    guarded.close()
    assert guarded.alive() == 0


def test_a_drill_s_end_ends_nothing_of_the_drill_beside_it_and_the_run_s_mark_finds_both(
    tmp_path: Path,
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    run = f"run-{os.getpid()}"
    one, two = (Guarded(tmp_path / name, mark=f"{run}/{n}") for n, name in enumerate(("one", "two"), 1))
    one.close()
    assert (one.alive(), two.alive()) == (0, 2)
    assert len(list(marked(run))) >= 3
    # In a process of its own: here it would end the servers of other tests as well.
    ending = f"from drillbook.stack.guard import end_all; end_all({run!r})"
    subprocess.run([sys.executable, "-c", ending], check=True, timeout=30)
    two.wait_for(lambda: two.alive() == 0, "the other drill ends")
    two.close()
