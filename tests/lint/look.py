"""Lint as the tests look at it: which rules find something in a text, and on which lines."""

from __future__ import annotations

from pathlib import Path

from drillbook.lint.check import lint, subject_of
from drillbook.lint.registry import RULES, choose
from drillbook.lint.rule import Subject
from drillbook.model import Finding


def subject(text: str, path: Path = Path("runbook.md")) -> Subject:
    return subject_of(text, path=path)


def findings(text: str, *rules: str) -> tuple[Finding, ...]:
    """What the rules (all where none is named) find in a runbook of that text."""
    return lint(subject(text), choose(rules, ()) if rules else RULES)


def lines(text: str, rule: str) -> list[int]:
    return [finding.line for finding in findings(text, rule)]


def shell(*commands: str) -> str:
    """A runbook with one section and one block, whose first command is on line 6."""
    code = "\n".join(commands)
    return f"# Orders\n\n## Database\n\n```bash\n{code}\n```\n"
