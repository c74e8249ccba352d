"""The guard: ends everything that a drill started, where there is no sandbox to do it.

`python -m drillbook.stack.guard SCRATCH -- COMMAND…` runs COMMAND and waits until it ends or until its own
standard input reaches its end, which is what happens when the process that holds the other side dies, by
whatever signal. Then it kills what is left of the command's descendants and removes SCRATCH.

It adopts orphans (Linux), and finds by a mark in their environment those that it could not adopt.
It must stay small: it is the last one standing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil

MARK = "DRILLBOOK_DRILL"
_PR_SET_CHILD_SUBREAPER = 36
_GRACE_S = 4.0
_KILL_DEADLINE_S = 5.0
_POLL_S = 0.05


def main(arguments: list[str]) -> int:
    """Run the command behind `--` under guard; its exit code."""
    scratch, separator, *argv = arguments
    if separator != "--" or not argv:
        sys.stderr.write("usage: guard SCRATCH -- COMMAND...\n")
        return 4
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the command's owner says when, by closing our input
    _adopt_orphans()
    relay, feed = os.pipe()
    worker = subprocess.Popen(argv, stdin=relay, start_new_session=True)
    os.close(relay)
    try:
        _watch(worker, feed)
    finally:
        end_all(os.environ.get(MARK, ""))
        shutil.rmtree(scratch, ignore_errors=True)
    code = worker.poll()
    return 1 if code is None or code < 0 else code


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _watch(worker: subprocess.Popen[bytes], feed: int) -> None:
    """Relay our input to the worker until either ends; give the worker its grace after the input's end."""
    while worker.poll() is None:
        readable, _, _ = select.select([0], [], [], _POLL_S)
        if not readable:
            continue
        data = os.read(0, 4096)
        if data:
            with contextlib.suppress(BrokenPipeError):
                os.write(feed, data)
            continue
        os.close(feed)
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(_GRACE_S)
        return


def marked(mark: str) -> Iterator[psutil.Process]:
    """The processes whose environment bears `mark`, but for this one.

    A run's mark stands for those of its drills as well, which are `RUN/NUMBER`; a drill's for itself alone,
    since others may go on beside it.
    """
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            worn = process.environ().get(MARK, "")
            if process.pid != os.getpid() and (worn == mark or worn.startswith(f"{mark}/")):
                yield process


def end_all(mark: str) -> None:
    """Kill every descendant of this process, and every process that bears `mark`, until none is left."""
    end = time.monotonic() + _KILL_DEADLINE_S
    while time.monotonic() < end:
        left = {p.pid: p for p in psutil.Process().children(recursive=True)}
        if mark:
            left |= {p.pid: p for p in marked(mark)}
        alive = []
        for process in left.values():
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE:
                    process.kill()
                    alive.append(process)
        if not alive:
            return
        psutil.wait_procs(alive, timeout=_POLL_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
