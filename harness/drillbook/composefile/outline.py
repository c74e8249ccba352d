"""The outline of a compose file: its services as they are written, with their lines, and their likely roles.

It knows neither variables nor the files that a compose file takes in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from drillbook.errors import InputError

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""The names that Compose itself looks for, in its order."""

ROLES = ("app", "database", "cache")
_KINDS = {
    "database": re.compile(r"postgres|postgis|timescale|pgvector", re.IGNORECASE),
    "cache": re.compile(r"redis|valkey|keydb", re.IGNORECASE),
}
_LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """A compose file, and which of its services plays which role; empty where none does.

    `port` is where the app listens in its container.
    """

    file: Path
    app: str
    database: str = ""
    cache: str = ""
    port: int = 0

    def role(self, name: str) -> str:
        """The service that plays a role of `ROLES`."""
        return {"app": self.app, "database": self.database, "cache": self.cache}[name]


@dataclass(frozen=True)
class Outline:
    """The services that stand in a compose file, as they are written, each with its line.

    `whole` says that there can be no others: that the file takes in no other file.
    """

    file: Path
    services: Mapping[str, Mapping[str, Any]]
    whole: bool = True
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    def line(self, *keys: str) -> int | None:
        """The line of a service, or of a key in it; the nearest that there is."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys)

    def error(self, message: str, *keys: str, hint: str | None = None) -> InputError:
        """An error about a service, or a key in it."""
        return InputError(message, path=self.file, line=self.line(*keys), hint=hint)


def read_outline(file: Path) -> Outline:
    """What stands in the compose file at `file`.

    Raises:
        InputError: it can't be read, or is no compose file.
    """
    try:
        text = file.read_bytes()[:_LARGEST].decode("utf-8-sig")
        data, node = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise InputError(f"can't read the compose file: {error.strerror}", path=file) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it can't be read"
        line = mark.line + 1 if mark is not None else None
        raise InputError(f"not YAML: {problem}", path=file, line=line) from error
    services = data.get("services") if isinstance(data, dict) else None
    if not isinstance(services, dict):
        raise InputError("is no compose file: it has no services", path=file)
    known = {str(name): service for name, service in services.items() if isinstance(service, dict)}
    whole = "include" not in data and not any("extends" in service for service in known.values())
    return Outline(file, known, whole, dict(_lines(node)))


def _lines(top: yaml.Node | None) -> Iterable[tuple[tuple[str, ...], int]]:
    """The line of each service, and of each key in it, two deep."""
    for key, services in _pairs(top):
        if key.value != "services":
            continue
        for name, service in _pairs(services):
            yield (name.value,), name.start_mark.line + 1
            for word, value in _pairs(service):
                yield (name.value, word.value), word.start_mark.line + 1
                for inner, _ in _pairs(value):
                    yield (name.value, word.value, inner.value), inner.start_mark.line + 1


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        return []
    return [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]


def recognise(outline: Outline) -> dict[str, str]:
    """The services that look like the database, the cache and the app, by role, as far as there are such."""
    found: dict[str, str] = {}
    known = outline.services
    for role, pattern in _KINDS.items():
        name = next((name for name, each in known.items() if pattern.search(_repository(each))), None)
        if name is not None:
            found[role] = name
    others = {name: service for name, service in known.items() if name not in found.values()}
    serving = [name for name, each in others.items() if "build" in each and "ports" in each]
    serving += [name for name, each in others.items() if "build" in each or "ports" in each]
    if serving:
        found["app"] = serving[0]
    return found


def _repository(service: Mapping[str, Any]) -> str:
    """The last part of its image's name, without a tag: whose image it is says nothing of what it is."""
    image = str(service.get("image", "")).replace(":-", "-")  # a variable's default
    return image.rpartition("/")[2].partition(":")[0] if "postg" not in image else image


def port_of(service: Mapping[str, Any]) -> str:
    """The port that a service listens on in its container, as far as it is written; else nothing."""
    for key in ("ports", "expose"):
        ports = service.get(key)
        first = ports[0] if isinstance(ports, list) and ports else ""
        text = str(first.get("target", "")) if isinstance(first, dict) else str(first).rpartition(":")[2]
        if text:
            return text.partition("/")[0]
    return ""


def health_of(service: Mapping[str, Any]) -> str:
    """The path that its health check asks for, as far as it is written; else nothing."""
    check = service.get("healthcheck")
    test = check.get("test") if isinstance(check, dict) else ""
    text = " ".join(map(str, test)) if isinstance(test, list) else str(test)
    address = re.search(r"https?://[^/\s\"'|;)]+([^\s\"'|;)]*)", text)
    return (address[1] or "/") if address and "$" not in address[1] else ""
