"""Findings as text, as JSON and as GitHub's annotations. `sarif` has the fourth form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from drillbook.lint.check import Linted
from drillbook.lint.rule import Rule
from drillbook.model import Json, Level

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def shown(path: Path) -> str:
    """`path` as it is printed: relative to the working directory where it is in there."""
    here = Path.cwd()
    whole = path.resolve()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else path.as_posix()


def text_lines(results: Sequence[Linted]) -> Iterator[str]:
    """The findings for people: a line each, the fix below it, and a summary at the end."""
    for result in results:
        for finding in result.findings:
            yield f"{shown(result.path)}:{finding.line}: {finding.level}: {finding.message} [{finding.rule}]"
            if finding.fix:
                yield f"    fix: {finding.fix}"
    yield summary(results)


def summary(results: Sequence[Linted]) -> str:
    """How many findings of each level there are, in one line."""
    counts = Counter(finding.level for result in results for finding in result.findings)
    files = "1 runbook" if len(results) == 1 else f"{len(results)} runbooks"
    if not counts:
        return f"Nothing found in {files}"
    parts = [
        f"{counts[level]} {level}{'' if counts[level] == 1 else 's'}" for level in Level if counts[level]
    ]
    return f"{', '.join(parts)} in {files}"


def as_json(results: Sequence[Linted], not_run: Sequence[Rule]) -> dict[str, Json]:
    """The document of `--format json`."""
    findings: list[Json] = [
        {
            "path": shown(result.path),
            "line": finding.line,
            "rule": finding.rule,
            "level": str(finding.level),
            "message": finding.message,
            "fix": finding.fix,
        }
        for result in results
        for finding in result.findings
    ]
    return {
        "schema": 1,
        "runbooks": [shown(result.path) for result in results],
        "findings": findings,
        "not_run": [rule.id for rule in not_run],
    }


def github_lines(results: Iterable[Linted]) -> Iterator[str]:
    """The findings as commands that GitHub turns into annotations of the lines."""
    for result in results:
        for finding in result.findings:
            message = f"{finding.message}\nFix: {finding.fix}" if finding.fix else finding.message
            place = f"file={_property(shown(result.path))},line={finding.line}"
            title = f"title={_property(finding.rule)}"
            yield f"::{_COMMANDS[finding.level]} {place},{title}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
