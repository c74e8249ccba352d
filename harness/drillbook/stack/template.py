"""The ready data directory: a PostgreSQL cluster with its roles, made once per version and then copied.

`initdb` costs several times what a copy does. The template is kept in the user's cache directory, under a
name that changes with the server's version and with this recipe.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drillbook.errors import StackError
from drillbook.process import Owner

DATABASE = "orders"
ROLES = ("superuser", "app", "reporting")
_DEADLINE_S = 60.0

# One connection's worth of SQL, for `postgres --single`, one statement a line. The app owns its database,
# as it does on a platform; `reporting` stands for every other client of the same database.
_RECIPE = """
ALTER ROLE postgres PASSWORD '{superuser}';
CREATE ROLE app LOGIN PASSWORD '{app}';
CREATE ROLE reporting LOGIN PASSWORD '{reporting}';
CREATE DATABASE orders OWNER app;
"""
_SETTINGS = ("scram_iterations=64",)  # a throw-away password needs no stretching, and probes log in often
_GRANTS = """
ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT SELECT, UPDATE ON TABLES TO reporting;
"""


@dataclass(frozen=True, slots=True)
class Template:
    """A ready data directory, and the password of each role."""

    directory: Path
    passwords: dict[str, str]

    @property
    def data(self) -> Path:
        """The data directory to copy."""
        return self.directory / "data"


def recipe(passwords: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What `postgres --single` is to be told, by database, one statement a line."""
    return (("postgres", _RECIPE.format(**passwords).lstrip()), (DATABASE, _GRANTS.lstrip()))


def place(cache: Path, version: str) -> Path:
    """Where the template for a server of `version` is kept under `cache`."""
    text = "".join((_RECIPE, _GRANTS, *_SETTINGS))
    return cache / f"postgres-{version}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def load(directory: Path) -> Template | None:
    """The template in `directory`, or None if there is none."""
    try:
        passwords = json.loads((directory / "roles.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StackError(
            f"the cached data directory can't be used: {error}", path=directory, hint="delete it"
        ) from error
    return Template(directory, passwords)


def make(directory: Path, *, binaries: Path, scratch: Path, owner: Owner | None = None) -> Template:
    """Make the template and put it in `directory`, whole or not at all.

    Args:
        directory: where it goes; its parent must be writable.
        binaries: where `initdb` and `postgres` are.
        scratch: an empty directory in which `owner` may write.
        owner: whom to run as, where this process is root.

    Raises:
        StackError: a program failed; the message has its last line.
    """
    passwords = {role: secrets.token_hex(12) for role in ROLES}
    data = scratch / "data"
    initdb = [str(binaries / "initdb"), "--pgdata", str(data), "--username", "postgres"]
    initdb += ["--encoding", "UTF8", "--no-locale", "--no-sync", "--auth", "scram-sha-256"]
    password_file = scratch / "password"
    password_file.write_text(passwords["superuser"])
    password_file.chmod(0o644)
    _run([*initdb, "--pwfile", str(password_file)], owner)
    single = [str(binaries / "postgres"), "--single", "-D", str(data), "-c", "fsync=off"]
    for setting in _SETTINGS:
        single += ["-c", setting]
    for database, statements in recipe(passwords):
        _run([*single, database], owner, statements)
    return _publish(directory, data, passwords)


def _publish(directory: Path, data: Path, passwords: dict[str, str]) -> Template:
    """Move what was made to `directory` by one rename; where another was faster, that one counts."""
    made = directory.with_name(f"{directory.name}.{os.getpid()}.{secrets.token_hex(3)}")
    made.mkdir(parents=True)
    shutil.copytree(data, made / "data", symlinks=True)
    (made / "data").chmod(0o700)
    (made / "roles.json").write_text(json.dumps(passwords), "utf-8")
    (made / "roles.json").chmod(0o600)
    try:
        made.rename(directory)
    except OSError:
        shutil.rmtree(made)
    ready = load(directory)
    if ready is None:
        raise StackError("the ready data directory could not be kept", path=directory)
    return ready


def _run(argv: list[str], owner: Owner | None, text: str = "") -> None:
    try:
        done = subprocess.run(
            argv,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_DEADLINE_S,
            check=False,
            cwd="/",
            start_new_session=True,
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=[] if owner else None,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"{Path(argv[0]).name} does not run: {error}") from error
    # `postgres --single` exits 0 after a failed statement: its words decide.
    if done.returncode != 0 or "ERROR:" in done.stderr or "FATAL:" in done.stderr:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise StackError(f"{Path(argv[0]).name} failed: {lines[-1] if lines else done.returncode}")


def main(arguments: list[str]) -> int:
    """`python -m drillbook.stack.template DIRECTORY BINARIES SCRATCH`: make it, for use in a sandbox."""
    directory, binaries, scratch = (Path(argument) for argument in arguments)
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        make(directory, binaries=binaries, scratch=scratch)
    except StackError as error:
        sys.stderr.write(f"{error.render()}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
