"""What a repository says of how its app is started: its compose file, and a Procfile. Hints, never more.

Nothing in them is run, and one that can't be read is none.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

_COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_DATABASE = re.compile(r"postgres|postgis|timescale|pgvector", re.IGNORECASE)
_CACHE = re.compile(r"redis|valkey|keydb", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SECRET = re.compile(r"secret|password|token|key$", re.IGNORECASE)
_LARGEST = 1_000_000


@dataclass(slots=True)
class Hints:
    """What was found. `files` are what it was found in; `services` the roles by the compose file's names.

    `command` starts the app, with `{port}` where its port was; `environment` is what it is told, with what is
    filled in for the URLs of its database and cache; `unsaid` names variables whose values are not repeated.
    """

    files: list[Path] = field(default_factory=list)
    services: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    unsaid: list[str] = field(default_factory=list)
    health: str = ""


def find_hints(folder: Path) -> Hints:
    """What the files directly in `folder` say."""
    hints = Hints()
    compose = next((folder / name for name in _COMPOSE if (folder / name).is_file()), None)
    if compose is not None:
        _read_compose(compose, hints)
    procfile = folder / "Procfile"
    if procfile.is_file():
        _read_procfile(procfile, hints)
    return hints


def _read_compose(path: Path, hints: Hints) -> None:
    try:
        data = yaml.safe_load(path.read_bytes()[:_LARGEST])
    except (OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return
    services = data.get("services") if isinstance(data, dict) else None
    if not isinstance(services, dict):
        return
    hints.files.append(path)
    known = {str(name): service for name, service in services.items() if isinstance(service, dict)}
    for role, pattern in (("database", _DATABASE), ("cache", _CACHE)):
        name = next((n for n, s in known.items() if pattern.search(str(s.get("image", "")))), None)
        if name is not None:
            hints.services[role] = name
    others = {name: service for name, service in known.items() if name not in hints.services.values()}
    built = [name for name, service in others.items() if "build" in service and "ports" in service]
    built += [name for name, service in others.items() if "build" in service or "ports" in service]
    if built:
        hints.services["app"] = built[0]
        _read_app(others[built[0]], hints)


def _read_app(service: dict[str, Any], hints: Hints) -> None:
    port = _port(service.get("ports"))
    hints.command = [_with_port(word, port) for word in _words(service.get("command"))]
    environment = service.get("environment")
    if isinstance(environment, list):
        environment = dict(str(entry).partition("=")[::2] for entry in environment)
    for name, value in environment.items() if isinstance(environment, dict) else ():
        _read_variable(str(name), "" if value is None else str(value), hints)
    check = service.get("healthcheck")
    test = " ".join(_words(check.get("test"))) if isinstance(check, dict) else ""
    address = re.search(r"https?://[^\s\"'|;)]+", test)
    if address:
        parts = urlsplit(address[0])
        hints.health = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


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


def _port(ports: object) -> str:
    """The port that the app listens on in its container."""
    first = ports[0] if isinstance(ports, list) and ports else ""
    text = str(first.get("target", "")) if isinstance(first, dict) else str(first).rpartition(":")[2]
    return text.partition("/")[0]


def _with_port(word: str, port: str) -> str:
    word = word.replace("0.0.0.0", "127.0.0.1")  # noqa: S104  it is taken away
    return re.sub(rf"(?<!\d){re.escape(port)}(?!\d)", "{port}", word) if port.isdigit() else word
