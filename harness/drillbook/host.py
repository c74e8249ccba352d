"""The host: what this machine offers to a drill, made ready once before the first one.

The real programs, the ready data directory, whether a sandbox can be had, and where there is none, free
ports and an unprivileged user.
"""

from __future__ import annotations

import compileall
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from drillbook import library, tools
from drillbook.errors import StackError
from drillbook.process import Owner
from drillbook.spec import ContainerSpec, Ports, Programs
from drillbook.stack import sandbox, template

_NOBODY = Owner(65534, 65534)
_MAKE_DEADLINE_S = 120.0
_LOOK_DEADLINE_S = 10.0
_SANDBOX_SCRATCH = Path("/tmp/drill")  # noqa: S108  on the sandbox's own tmpfs


@dataclass(frozen=True, slots=True)
class Host:
    """A machine that is ready for drills."""

    sandboxed: bool
    programs: Programs
    versions: dict[str, str]
    template: Path
    owner: Owner | None

    def ports(self) -> Ports:
        """The ports of a drill: the standard ones in a sandbox, else free ones."""
        return Ports() if self.sandboxed else Ports(*free_ports(4))

    @property
    def confines(self) -> bool:
        """Whether a runbook's commands are kept from this machine."""
        return self.sandboxed

    def container_spec(self) -> ContainerSpec | None:
        """None: nothing of it is in a container."""

    def clear(self, mark: str) -> None:
        """Nothing: what ends a drill's processes is the sandbox, or the guard."""

    def make_scratch(self) -> Path:
        """A directory for one drill's data: in a sandbox on its own tmpfs, else made here and now."""
        if self.sandboxed:
            return _SANDBOX_SCRATCH
        scratch = Path(tempfile.mkdtemp(prefix="drillbook-"))
        scratch.chmod(0o755)
        return scratch

    def readable(self) -> list[Path]:
        """What a sandbox must be able to read beside the interpreter."""
        paths = [self.template, Path(self.programs.postgres).parent.parent, Path(self.programs.redis)]
        paths += [tools.find("redis-cli").path, tools.find("psql").path.parent.parent]
        if self.programs.faketime:
            paths.append(Path(self.programs.faketime))
        return paths


def make_ready(*, sandboxed: bool, jump_clock: bool, keep: ExitStack) -> Host:
    """Find the programs and make the ready data directory if it is not there yet.

    Args:
        sandboxed: whether drills run in a sandbox.
        jump_clock: whether the plan wants the database's clock jumped.
        keep: closes what must last as long as the run.

    Raises:
        StackError: something is missing or fails; the message says how to get it.
    """
    _compile()
    postgres, redis = tools.find("postgres"), tools.find("redis-server")
    faketime = str(tools.find("libfaketime.so.1").path) if jump_clock else None
    programs = Programs(str(postgres.path), str(redis.path), faketime)
    owner = None if sandboxed or os.geteuid() != 0 else _NOBODY
    if owner is not None:
        programs = _within_reach(programs, owner, keep)
    cache = Path(platformdirs.user_cache_dir("drillbook"))
    directory = template.place(cache, postgres.version)
    if template.load(directory) is None:
        _make_template(directory, programs, sandboxed=sandboxed, owner=owner)
    versions = {"postgres": postgres.version, "redis": redis.version, "python": sys.version.split()[0]}
    return Host(sandboxed, programs, versions, directory, owner)


def _make_template(directory: Path, programs: Programs, *, sandboxed: bool, owner: Owner | None) -> None:
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"can't make the cache directory: {error.strerror}",
            path=directory.parent,
            hint="set XDG_CACHE_HOME to a directory that can be written",
        ) from error
    binaries = Path(programs.postgres).parent
    if not sandboxed:
        with tempfile.TemporaryDirectory(prefix="drillbook-") as folder:
            scratch = Path(folder)
            if owner is not None:
                os.chown(scratch, owner.uid, owner.gid)
            template.make(directory, binaries=binaries, scratch=scratch, owner=owner)
        return
    argv = sandbox.command(
        [sys.executable, "-m", "drillbook.stack.template", str(directory), str(binaries), "/tmp/template"],  # noqa: S108
        writable=[directory.parent],
        readable=[binaries.parent],
        environment={"PATH": os.defpath, "LANG": "C.UTF-8"},
    )
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_MAKE_DEADLINE_S, check=False)
    if done.returncode != 0:
        raise StackError(f"can't make the ready data directory: {done.stderr.strip()[-300:]}")


def _compile() -> None:
    """Byte-compile what a sandbox runs: there it can't be kept, and would be compiled for every drill."""
    for folder in (Path(__file__).parent, library.scenarios_dir()):
        compileall.compile_dir(str(folder), quiet=2)


def _within_reach(programs: Programs, owner: Owner, keep: ExitStack) -> Programs:
    """`programs`, copied to where `owner` can run them if it can't run them where they are."""
    if _can_run(programs.postgres, owner):
        return programs
    folder = Path(keep.enter_context(tempfile.TemporaryDirectory(prefix="drillbook-programs-")))
    folder.chmod(0o755)
    source = Path(programs.postgres).parent.parent
    shutil.copytree(source, folder / "postgres", symlinks=True)
    moved = replace(programs, postgres=str(folder / "postgres" / "bin" / "postgres"))
    if programs.faketime:
        copied = shutil.copy(programs.faketime, folder)
        moved = replace(moved, faketime=str(copied))
    if not _can_run(moved.postgres, owner):
        raise StackError("an unprivileged user can't run PostgreSQL here", path=moved.postgres)
    return moved


def _can_run(program: str, owner: Owner) -> bool:
    try:
        done = subprocess.run(
            [program, "--version"],
            capture_output=True,
            timeout=_LOOK_DEADLINE_S,
            check=False,
            cwd="/",
            user=owner.uid,
            group=owner.gid,
            extra_groups=[],
        )
    except OSError:
        return False
    return done.returncode == 0


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now; all are held until the last is found, so that they differ."""
    with ExitStack() as held:
        ports = []
        for _ in range(count):
            listener = held.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            ports.append(int(listener.getsockname()[1]))
        return ports
