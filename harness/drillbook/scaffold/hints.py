"""What a repository says of how its app is started: its compose file, and a Procfile. Hints, never more.

Nothing in them is run, and one that can't be read is none.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drillbook.composefile.outline import NAMES, Outline, health_of, port_of, read_outline, recognise
from drillbook.errors import InputError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SECRET = re.compile(r"secret|password|token|key$", re.IGNORECASE)


@dataclass(slots=True)
class Hints:
    """What was found. `files` are what it was found in; `services` the roles by the compose file's names.

    `command` starts the app, with `{port}` where its port was; `environment` is what it is told, with what is
    filled in for the URLs of its database and cache; `unsaid` names variables whose values are not repeated.
    `port` is where it listens in a container, and `compose` the compose file, as far as there is one.
    """

    files: list[Path] = field(default_factory=list)
    services: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    unsaid: list[str] = field(default_factory=list)
    health: str = ""
    port: str = ""
    compose: Outline | None = None


def find_hints(folder: Path) -> Hints:
    """What the files directly in `folder` say."""
    hints = Hints()
    compose = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if compose is not None:
        _read_compose(compose, hints)
    procfile = folder / "Procfile"
    if procfile.is_file():
        _read_procfile(procfile, hints)
    return hints


def _read_compose(path: Path, hints: Hints) -> None:
    try:
        outline = read_outline(path)
    except InputError:
        return
    hints.files.append(path)
    hints.compose = outline
    hints.services = recognise(outline)
    if "app" in hints.services:
        _read_app(outline.services[hints.services["app"]], hints)


def _read_app(service: Mapping[str, Any], hints: Hints) -> None:
    port = port_of(service)
    hints.port = port if port.isdigit() else ""
    hints.command = [_with_port(word, port) for word in _words(service.get("command"))]
    environment = service.get("environment")
    if isinstance(environment, list):
        environment = dict(str(entry).partition("=")[::2] for entry in environment)
    for name, value in environment.items() if isinstance(environment, dict) else ():
        _read_variable(str(name), "" if value is None else str(value), hints)
    hints.health = health_of(service)


def _read_variable(name: str, value: str, hints: Hints) -> None:
    if not _VARIABLE.fullmatch(name):
        return
    scheme = value.partition("://")[0].partition("+")[0] if "://" in value else ""
    if scheme in ("postgres", "postgresql"):
        hints.environment[name] = "{database_url}"
    elif scheme in ("redis", "rediss"):
        hints.environment[name] = "{cache_url}"
    elif _SECRET.search(name) or "$" in value or not value:
        hints.unsaid.append(name)
    else:
        hints.environment[name] = value


def _read_procfile(path: Path, hints: Hints) -> None:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    hints.files.append(path)
    web = next((line.partition(":")[2] for line in lines if line.startswith("web:")), "")
    if web and not hints.command:
        hints.command = [re.sub(r"\$\{?PORT(?::-\d+)?\}?", "{port}", word) for word in _words(web)]


def _words(command: object) -> list[str]:
    if isinstance(command, list):
        return [str(word) for word in command]
    try:
        return shlex.split(command) if isinstance(command, str) else []
    except ValueError:
        return []


def _with_port(word: str, port: str) -> str:
    word = word.replace("0.0.0.0", "127.0.0.1")  # noqa: S104  it is taken away
    return re.sub(rf"(?<!\d){re.escape(port)}(?!\d)", "{port}", word) if port.isdigit() else word
