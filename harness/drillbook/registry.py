"""The registry: the scenarios that there are, one small Python file each."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from drillbook import library
from drillbook.errors import InputError
from drillbook.protocols import Scenario


@lru_cache(maxsize=None)
def scenarios() -> Mapping[str, Scenario]:
    """Every scenario of the library by its name, in the order of the names.

    Raises:
        InputError: a file is no scenario, or two have the same name.
    """
    found: dict[str, Scenario] = {}
    for path in sorted(library.scenarios_dir().glob("*.py")):
        made = _load(path)
        if made.name in found:
            raise InputError(f"there are two scenarios {made.name}", path=path, hint="rename one")
        found[made.name] = made
    return dict(sorted(found.items()))


def scenario(name: str) -> Scenario:
    """The scenario `name`.

    Raises:
        InputError: there is none.
    """
    known = scenarios()
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"
        raise InputError(f"there is no scenario {name!r}", hint=hint)
    return known[name]


def _load(path: Path) -> Scenario:
    module_name = f"drillbook_scenarios.{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise InputError("can't be imported", path=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"can't be imported: {type(error).__name__}: {error}", path=path) from error
    made = getattr(module, "SCENARIO", None)
    if not isinstance(made, Scenario):
        raise InputError("has no SCENARIO", path=path, hint="end it with SCENARIO = Scenario(...)")
    return made
