"""The library that comes with drillbook: plans, scenarios, report templates and lint's pages, as files.

In an installed package they lie in `drillbook/_library/`; in a checkout they are folders at its top.
"""

from __future__ import annotations

from pathlib import Path

from drillbook.errors import StackError

_PACKAGE = Path(__file__).resolve().parent


def drills_dir() -> Path:
    """Where the packaged plans and runbooks are.

    Raises:
        StackError: they are not there.
    """
    return _folder("drills")


def scenarios_dir() -> Path:
    """Where the scenarios are, and the app under drill.

    Raises:
        StackError: they are not there.
    """
    return _folder("scenarios")


def reports_dir() -> Path:
    """Where the templates of the reports are.

    Raises:
        StackError: they are not there.
    """
    return _folder("reports")


def rules_dir() -> Path:
    """Where the pages of the lint rules are.

    Raises:
        StackError: they are not there.
    """
    return _folder("rules", "docs/rules")


def _folder(name: str, place: str | None = None) -> Path:
    packaged = _PACKAGE / "_library" / name
    if packaged.is_dir():
        return packaged
    # harness/drillbook/ in a checkout: the folders are two above.
    checkout = _PACKAGE.parent.parent / (place or name)
    if checkout.is_dir():
        return checkout
    raise StackError(f"the library's {name}/ is missing", path=packaged, hint="install drillbook again")
