"""What a call of `railway environment edit` asks for, as far as a drill has it: a replica's limits.

It reads words and changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence

from drillbook.errors import StackError
from drillbook.protocols import Limits

_PATH = "deploy.limitOverride.containers."
_WITH_VALUE = ("--message", "-m", "--environment", "-e", "--project", "-p")
_BYTES_PER_MB = 1e6


def edited(words: Sequence[str], services: Collection[str], limits: Limits) -> Limits:
    """`limits` with what `words`, the arguments after `edit`, change in them.

    Args:
        words: such as `--service-config SERVICE deploy.limitOverride.containers.memoryBytes 512000000`.
        services: the names of the service, in lower case.
        limits: those in force.

    Raises:
        StackError: there is no such service, or something is asked for that a drill does not have.
    """
    for service, path, value in _changes(words):
        if service.lower() not in services:
            raise StackError(f"Service '{service}' not found in environment")
        limits = _with_limit(limits, path.strip("."), value)
    return limits


def _changes(words: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    rest = iter(words)
    for word in rest:
        if word in ("--service-config", "-s"):
            given = [value for _, value in zip(range(3), rest, strict=False)]
            if len(given) < 3:  # noqa: PLR2004  service, path, value
                raise StackError(f"3 values required for '{word} <SERVICE> <PATH> <VALUE>'")
            yield given[0], given[1], given[2]
        elif word in _WITH_VALUE:
            next(rest, None)
        elif word != "--json":
            raise StackError(f"`railway environment edit` with {word!r} is not part of a drill")


def _with_limit(limits: Limits, path: str, value: str) -> Limits:
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise StackError(f"Invalid value for '{path}': expected a number, got '{value}'")
    if path == f"{_PATH}memoryBytes":
        return dataclasses.replace(limits, memory_mb=number / _BYTES_PER_MB)
    if path == f"{_PATH}cpu":
        return dataclasses.replace(limits, cpu=number)
    known = f"{_PATH}memoryBytes and {_PATH}cpu"
    raise StackError(f"the path '{path}' is not part of a drill, only {known} are")
