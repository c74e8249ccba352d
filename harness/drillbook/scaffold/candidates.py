"""The Markdown files of a repository that may be its runbook, scored by what the parser finds in them.

It only reads, and gives up on nothing: a file that can't be read is no candidate.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drillbook.errors import InputError
from drillbook.model import Runbook, StepKind
from drillbook.runbook.parse import parse_runbook
from drillbook.scaffold.topics import scenarios_of

_SUFFIXES = (".md", ".markdown")
_PASSED_OVER = {"node_modules", "vendor", "dist", "build", "site-packages", "third_party", "__pycache__"}
_MOST_FILES = 400
_LARGEST = 1_000_000
_DEEPEST = 6
_NAME = re.compile(
    r"run-?_?book|incident|on-?_?call|playbook|outage|troubleshoot|operations|emergency", re.IGNORECASE
)
_NO_RUNBOOK = re.compile(
    r"^(?:readme|changelog|changes|contributing|license|code_of_conduct|security)\b", re.IGNORECASE
)
# What would have to be there for a file to be taken for a runbook without being asked for.
_LEAST_SCORE = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file, what the parser read in it, and how much it looks like a runbook."""

    path: Path
    runbook: Runbook
    score: int


def find_runbook(folder: Path) -> Candidate:
    """The file below `folder` that looks most like a runbook.

    Raises:
        InputError: none does.
    """
    found = [candidate for path in _files(folder) if (candidate := _candidate(path)) is not None]
    best = max(found, key=lambda each: (each.score, -len(each.path.parts)), default=None)
    if best is None or best.score < _LEAST_SCORE:
        seen = f"of {len(found)} Markdown files none looks like one" if found else "no Markdown file is here"
        raise InputError(f"there is no runbook: {seen}", path=folder, hint="name it with --runbook FILE")
    return best


def read_candidate(path: Path) -> Candidate:
    """The file `path`, which somebody says is the runbook.

    Raises:
        InputError: it can't be read.
    """
    runbook = parse_runbook(path)
    return Candidate(path, runbook, _score(path, runbook))


def _files(folder: Path) -> Iterator[Path]:
    count = 0
    for place, folders, names in os.walk(folder):
        deep = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(
            name
            for name in folders
            if deep < _DEEPEST and not name.startswith(".") and name not in _PASSED_OVER
        )
        for name in sorted(names):
            if name.lower().endswith(_SUFFIXES):
                count += 1
                if count > _MOST_FILES:
                    return
                yield Path(place) / name


def _candidate(path: Path) -> Candidate | None:
    try:
        if path.stat().st_size > _LARGEST:
            return None
        runbook = parse_runbook(path)
    except (InputError, OSError):
        return None  # it is no runbook that could be used
    return Candidate(path, runbook, _score(path, runbook))


def _score(path: Path, runbook: Runbook) -> int:
    """Points for each part that runbooks have and other documents have not."""
    commands = sum(step.kind is StepKind.COMMAND for step in runbook.steps)
    score = 12 * len(scenarios_of(runbook)) + min(commands, 15)
    score += 15 * bool(runbook.severities) + 10 * bool(runbook.templates.post_mortem)
    score += 10 * bool(runbook.templates.status_update) + 5 * bool(runbook.contacts)
    score += 20 * bool(_NAME.search(path.name)) + 8 * bool(_NAME.search(path.parent.name))
    return score - 40 * bool(_NO_RUNBOOK.match(path.name)) if commands or score else 0
