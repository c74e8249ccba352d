"""The harness's own code that runs inside containers: what the gate and the agent import, and nothing else.

All of the package would take longer to copy than the containers take to start.
"""

from __future__ import annotations

import ast
import importlib.util
import shutil
from collections.abc import Iterable
from pathlib import Path

from drillbook.platforms import gate, railway_cli
from drillbook.responders import agent

CODE = "/drill/code"
_ENTRIES = (gate.__name__, agent.__name__, railway_cli.__name__)
_PACKAGE = Path(__file__).parents[2]


def package(scratch: Path) -> dict[str, bytes | Path]:
    """The files of a container that runs a part of it, gathered in `scratch`, a drill's own folder."""
    folder = scratch / "code" / _PACKAGE.name
    if not folder.exists():
        for file in modules(_ENTRIES):
            _copy(file, folder)
    return {f"{CODE}/{_PACKAGE.name}": folder}


def modules(names: Iterable[str]) -> list[Path]:
    """The files of those modules of the package, and of all that they import of it."""
    found: dict[str, Path] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        file = _file(name)
        if name in found or file is None:
            continue
        found[name] = file
        pending += [parent for parent in [name.rpartition(".")[0]] if parent]
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.module:
                pending += [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
            elif isinstance(node, ast.Import):
                pending += [each.name for each in node.names]
    return sorted(found.values())


def _file(name: str) -> Path | None:
    """Where a module of the package is; None for any other name."""
    top, *rest = name.split(".")
    if top != _PACKAGE.name:
        return None
    place = _PACKAGE.joinpath(*rest)
    files = (place / "__init__.py", place.with_suffix(".py"))
    return next((file for file in files if file.is_file()), None)


def _copy(file: Path, folder: Path) -> None:
    """Copy a module, with what it was compiled to, which a Python of the same version need not do again."""
    compiled = Path(importlib.util.cache_from_source(str(file)))
    for each in (file, compiled):
        if each.is_file():
            target = folder / each.relative_to(_PACKAGE)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(each, target)
