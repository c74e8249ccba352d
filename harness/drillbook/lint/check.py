"""Linting one runbook: what the rules are given, and what is left of what they find.

It reads the runbook and the plan; how findings look is for `output`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drillbook.lint import shellcheck
from drillbook.lint.call import calls_of
from drillbook.lint.ignore import read_ignores
from drillbook.lint.rule import Rule, Subject
from drillbook.lint.surface import Surface
from drillbook.lint.workflow import shown_steps
from drillbook.model import Finding, Level
from drillbook.plan import Plan
from drillbook.runbook.markdown import read_markdown
from drillbook.runbook.parse import parse_text
from drillbook.runbook.source import normalise, read_source

_ORDER = (Level.ERROR, Level.WARNING, Level.NOTE)


@dataclass(frozen=True, slots=True)
class Linted:
    """A runbook and its findings, by line."""

    path: Path
    findings: tuple[Finding, ...]


def read_subject(path: Path, plan: Plan | None = None, surfaces: Sequence[Surface] = ()) -> Subject:
    """The runbook at `path` as rules are given it.

    Args:
        path: the runbook.
        plan: a plan that was loaded for this runbook, for its bindings and placeholders.
        surfaces: those of CLIs that come before the packaged ones.

    Raises:
        InputError: the file can't be read as a runbook.
    """
    text, sha256 = read_source(path)
    return subject_of(text, path=path, sha256=sha256, plan=plan, surfaces=surfaces)


def subject_of(
    text: str,
    *,
    path: Path,
    sha256: str = "",
    plan: Plan | None = None,
    surfaces: Sequence[Surface] = (),
) -> Subject:
    """The runbook that `text` holds, as rules are given it."""
    text = normalise(text)
    document = read_markdown(text)
    runbook = parse_text(text, path=str(path), sha256=sha256)
    bound = [b.step_line for b in plan.bindings if b.run or b.follow is not None] if plan is not None else []
    return Subject(
        path=path,
        lines=tuple(text.split("\n")),
        document=document,
        runbook=runbook,
        calls=tuple(call for step in runbook.steps for call in calls_of(step)),
        shown=tuple(call for step in shown_steps(document) for call in calls_of(step)),
        filled=frozenset(plan.placeholders) if plan is not None else frozenset(),
        bound=frozenset(bound),
        surfaces=tuple(surfaces),
    )


def missing_of(rule: Rule) -> tuple[str, ...]:
    """What `rule` needs of the `lint` extra and is not installed."""
    return tuple(name for name in rule.needs if not _is_installed(name))


def _is_installed(name: str) -> bool:
    if name == "shellcheck":  # a program, and no module
        return shellcheck.program() is not None
    return importlib.util.find_spec(name) is not None


def lint(subject: Subject, rules: Sequence[Rule]) -> tuple[Finding, ...]:
    """What those of `rules` that can be run find in `subject` and no comment of it ignores, by line."""
    ignores = read_ignores(subject)
    found: dict[Finding, None] = {}
    for rule in rules:
        if missing_of(rule):
            continue
        for one in rule.check(subject):
            if not any(ignore.covers(rule.id, one.line) for ignore in ignores):
                found[Finding(rule.id, one.line, rule.level, one.message, one.fix)] = None
    return tuple(sorted(found, key=lambda f: (f.line, _ORDER.index(f.level), f.rule)))
