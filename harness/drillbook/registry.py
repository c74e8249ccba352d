"""The registry: the scenarios that there are, each a Python file of its own, the library's and a team's.

It loads them and knows nothing of what is in them beyond `protocols.Scenario`.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType

from drillbook.app import NEEDS
from drillbook.errors import InputError
from drillbook.library import scenarios_dir
from drillbook.protocols import Scenario
from drillbook.suggest import suggestion

_PACKAGE = "drillbook_scenarios"


def scenarios(own: Path | None = None) -> Mapping[str, Scenario]:
    """Every scenario of the library, and of the team's folder `own`, by its name, in the order of the names.

    Raises:
        InputError: a file can't be loaded, has no `SCENARIO`, or has the name of another's.
        StackError: the library is missing.
    """
    packaged = load(scenarios_dir())
    if own is None:
        return packaged
    team = load(own)
    twice = next((name for name in team if name in packaged), None)
    if twice is not None:
        raise InputError(f"the scenario {twice!r} is in the library already", path=own, hint="rename it")
    return MappingProxyType(dict(sorted({**packaged, **team}.items())))


def scenario(name: str, own: Path | None = None) -> Scenario:
    """The scenario of that name; `own` as in `scenarios`.

    Raises:
        InputError: there is none, or the scenarios can't be loaded.
    """
    known = scenarios(own)
    if name not in known:
        raise InputError(f"there is no scenario {name!r}", hint=suggestion(name, known))
    return known[name]


@cache
def load(folder: Path) -> Mapping[str, Scenario]:
    """The scenarios of the `*.py` files directly in `folder`, by name; each file is run once.

    Raises:
        InputError: see `scenarios`.
    """
    found: dict[str, Scenario] = {}
    files: dict[str, Path] = {}
    for file in sorted(folder.glob("*.py")):
        made = getattr(_import(file), "SCENARIO", None)
        if not isinstance(made, Scenario):
            raise InputError(
                "has no SCENARIO", path=file, hint="set SCENARIO to a drillbook.protocols.Scenario"
            )
        if made.name in found:
            other = files[made.name].name
            raise InputError(f"the scenario {made.name!r} is in {other} already", path=file, hint="rename it")
        _check_variants(made, file)
        found[made.name], files[made.name] = made, file
    return MappingProxyType(dict(sorted(found.items())))


def _check_variants(made: Scenario, file: Path) -> None:
    names = [variant.name for variant in made.variants]
    if not names:
        raise InputError(f"the scenario {made.name!r} has no variants", path=file)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"the scenario {made.name!r} has two variants {twice!r}", path=file)
    for need in (*made.needs, *(need for variant in made.variants for need in variant.needs)):
        if need not in NEEDS:
            hint = suggestion(need, NEEDS)
            raise InputError(f"the scenario {made.name!r} needs {need!r}, unknown", path=file, hint=hint)


def _import(file: Path) -> ModuleType:
    # Two folders may each have a file of the same name.
    name = f"{_PACKAGE}.{file.stem}_{zlib.crc32(str(file.parent).encode()):08x}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InputError("can't be loaded as Python", path=file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while it runs
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise InputError(
            f"can't be loaded: {type(error).__name__}: {error}", path=file, line=_line(error, file)
        ) from error
    return module


def _line(error: Exception, file: Path) -> int | None:
    """The line of `file` at which `error` arose, if it can be told."""
    if isinstance(error, SyntaxError):
        return error.lineno if error.filename == str(file) else None
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(file)), None)
