"""The watcher: outlives the command, and removes what its run left on the engine.

`python -m drillbook.docker.watcher MARK` waits until its standard input ends, which is what happens when
the process that holds the other side ends, by whatever signal. Then it removes every container, network and
volume that bears MARK as its run. Nothing else is touched. It needs no image.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from drillbook.docker import engine, labels
from drillbook.errors import StackError
from drillbook.process import process_began

if TYPE_CHECKING:
    from docker import DockerClient

DEADLINE_S = 25.0
_POLL_S = 0.2


@contextmanager
def watching(mark: str) -> Iterator[None]:
    """Have a watcher for the run `mark` as long as the block lasts, and until it has nothing left to do."""
    argv = [sys.executable, "-P", "-m", "drillbook.docker.watcher", mark]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(DEADLINE_S + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def left(client: DockerClient, mark: str) -> list[Any]:
    """What bears `mark`, a run's or `RUN/DRILL`: containers first, then networks and volumes."""
    run, _, drill = mark.partition("/")
    wanted = [f"{labels.RUN}={run}", *([f"{labels.DRILL}={drill}"] if drill else [])]
    only: dict[str, str | list[str] | bool] = {"label": wanted}
    found: list[Any] = list(client.containers.list(all=True, filters=only, ignore_removed=True))
    found += client.networks.list(filters=only)
    found += client.volumes.list(filters=only)
    return found


def abandoned(client: DockerClient) -> dict[str, str]:
    """The runs of this machine that have ended and left something, by mark, and each one's command."""
    from docker.errors import NotFound  # noqa: PLC0415  an extra, and slow to import

    only: dict[str, str | list[str] | bool] = {"label": labels.OURS}
    found: dict[str, str] = {}
    things: list[Any] = [*client.containers.list(all=True, filters=only, ignore_removed=True)]
    things += [*client.networks.list(filters=only), *client.volumes.list(filters=only)]
    for each in things:
        with contextlib.suppress(NotFound):
            marks = _labels(each)
            host, _, process = marks.get(labels.OWNER, "").partition(" ")
            if host == socket.gethostname() and not _lives(process):
                found[marks[labels.RUN]] = marks[labels.OWNER]
    return found


def _labels(thing: Any) -> dict[str, str]:
    attributes = thing.attrs
    return dict(attributes.get("Labels") or attributes.get("Config", {}).get("Labels") or {})


def _lives(process: str) -> bool:
    """Whether a command still runs, of which `process` has its PID and when it began."""
    pid, _, began = process.partition(" ")
    return abs(process_began(int(pid)) - float(began)) < 1.0


def remove(client: DockerClient, mark: str, *, deadline_s: float = DEADLINE_S) -> None:
    """Remove what bears `mark`, a run's or `RUN/DRILL`, until there is none.

    Raises:
        StackError: something is still there at the deadline.
    """
    from docker.errors import DockerException  # noqa: PLC0415  an extra, and slow to import

    end = time.monotonic() + deadline_s
    while found := left(client, mark):
        if time.monotonic() > end:
            names = ", ".join(str(getattr(each, "name", each)) for each in found)
            raise StackError(f"can't remove {names}", hint="see what the engine says: docker ps -a")
        for each in found:
            with contextlib.suppress(DockerException):  # it goes by itself, or a container is still in it
                if hasattr(each, "kill"):
                    each.remove(force=True, v=True)
                else:
                    each.remove()
        time.sleep(_POLL_S)  # between two looks, until nothing is left


def main(arguments: list[str]) -> int:
    """Wait for the end of the standard input, then remove what the run left."""
    (mark,) = arguments
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends when its work is done
    while os.read(0, 4096):
        pass
    try:
        client = engine.connect()
        remove(client, mark)
    except StackError as error:
        sys.stderr.write(f"drillbook: {error.render()}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
