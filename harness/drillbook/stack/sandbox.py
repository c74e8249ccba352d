"""The sandbox: a container from bubblewrap, one a drill, without Docker and without root.

In it there is no way out over the network, the host is read-only, the user is uid 1000, the loopback is
its own, and every process dies with the one that started the sandbox, SIGKILL included. It only makes the
command line; starting it is the caller's business, from a thread that lives as long as the sandbox should,
because the kernel ties the sandbox's life to that thread.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from drillbook import library, tools
from drillbook.errors import DrillbookError

UID = 1000
_PROBE_DEADLINE_S = 5.0
# What may hold sockets of the host (a Docker engine's is a way out), other people's files, or secrets.
_MASKED = ("/tmp", "/var/tmp", "/run")  # noqa: S108  these are hidden, not written to


def reason_against() -> str | None:
    """Why no sandbox can be had here, or None if one can (it is tried, not guessed)."""
    try:
        argv = command(["true"], writable=(), readable=(), environment={})
    except DrillbookError as error:
        return error.message
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_PROBE_DEADLINE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bwrap does not run: {error}"
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"bwrap exits with {done.returncode}"]
        return lines[-1]
    return None


def command(
    argv: Sequence[str],
    *,
    writable: Iterable[Path],
    readable: Iterable[Path],
    environment: Mapping[str, str],
    files: Mapping[str, Path] | None = None,
) -> list[str]:
    """The command line that runs `argv` in a new sandbox.

    Args:
        argv: what to run in it.
        writable: directories that it may write to, at the same path.
        readable: files and directories that it must be able to read even where they lie under a
            directory that is hidden (the home directory, `/tmp`, `/run`).
        environment: all of its environment.
        files: files to show at other paths, such as `/etc/passwd`.

    Raises:
        StackError: there is no bwrap.
    """
    flags = [str(tools.find("bwrap").path), "--unshare-all", "--die-with-parent", "--new-session"]
    flags += ["--uid", str(UID), "--gid", str(UID), "--hostname", "drill"]
    flags += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    masked = [Path(path) for path in _MASKED if Path(path).is_dir() and not Path(path).is_symlink()]
    home = Path.home()
    if home != Path("/") and home.is_dir():
        masked.append(home)
    for path in masked:
        flags += ["--tmpfs", str(path)]
    for path in _outermost(_hidden((*_interpreter(), *readable), masked)):
        flags += ["--ro-bind", str(path), str(path)]
    for path in (place.resolve() for place in writable):
        flags += ["--bind", str(path), str(path)]
    for shown, source in (files or {}).items():
        flags += ["--ro-bind", str(source), shown]
    flags += ["--chdir", "/", "--clearenv"]
    for name, value in environment.items():
        flags += ["--setenv", name, value]
    return [*flags, "--", *argv]


def _interpreter() -> list[Path]:
    """What this Python and this package need to be read."""
    places = {Path(sys.prefix), Path(sys.base_prefix), Path(os.path.realpath(sys.executable)).parent}
    places |= {Path(entry) for entry in sys.path if entry and Path(entry).is_dir()}
    places |= {library.scenarios_dir(), Path(__file__).parent.parent}
    places |= {tools.find("bwrap").path.parent}
    return list(places)


def _hidden(places: Iterable[Path], masked: Sequence[Path]) -> set[Path]:
    """Those of `places` that lie within a masked directory (one that is masked itself stays so)."""
    real = {place.resolve() for place in places}
    return {
        place for place in real if any(place.is_relative_to(mask) for mask in masked) and place not in masked
    }


def _outermost(places: Iterable[Path]) -> list[Path]:
    """`places` without those that lie within another, so that each is mounted once."""
    kept: list[Path] = []
    for place in sorted(places):
        if not any(place.is_relative_to(other) for other in kept):
            kept.append(place)
    return kept
