"""`drillbook lint`: what is worth mending in runbooks, found by reading them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from drillbook.errors import InputError
from drillbook.lint.check import Linted, lint, missing_of, read_subject
from drillbook.lint.output import as_json, github_lines, text_lines
from drillbook.lint.registry import RULES, choose, find, page_of
from drillbook.lint.sarif import as_sarif
from drillbook.lint.surface_file import read_surface
from drillbook.model import ExitCode, Level
from drillbook.plan import load_plan
from drillbook.result import dumps


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, as on the command line; the lists of rules may hold several in one, by commas."""

    runbooks: tuple[Path, ...]
    form: str
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    plan: Path | None
    surface: tuple[Path, ...]


def lint_command(wish: Wish) -> int:
    """Print the findings; 1 if one of them is an error or a warning.

    Raises:
        InputError: a runbook, the plan or a surface can't be read, or there is no such rule.
    """
    if not wish.runbooks:
        raise InputError(
            "there is no runbook to lint", hint="name a Markdown file, or see `drillbook lint --list`"
        )
    rules = choose(_names(wish.select), _names(wish.ignore))
    not_run = [rule for rule in rules if missing_of(rule)]
    surfaces = [read_surface(path) for path in wish.surface]
    results = []
    for path in dict.fromkeys(wish.runbooks):
        plan = load_plan(wish.plan, runbook=path) if wish.plan is not None else None
        results.append(Linted(path, lint(read_subject(path, plan, surfaces), rules)))
    if wish.form == "json":
        click.echo(dumps(as_json(results, not_run)), nl=False)
    elif wish.form == "sarif":
        click.echo(dumps(as_sarif(results, rules, not_run)), nl=False)
    else:
        for line in github_lines(results) if wish.form == "github" else text_lines(results):
            click.echo(line)
    if not_run:
        modules = ", ".join(dict.fromkeys(name for rule in not_run for name in missing_of(rule)))
        ids = ", ".join(rule.id for rule in not_run)
        click.echo(f"drillbook: not run without {modules} (pip install 'drillbook[lint]'): {ids}", err=True)
    grave = any(f.level is not Level.NOTE for result in results for f in result.findings)
    return ExitCode.FAILED if grave else ExitCode.OK


def _names(lists: tuple[str, ...]) -> list[str]:
    return [name for names in lists for name in (part.strip() for part in names.split(",")) if name]


def list_command() -> int:
    """Print all rules."""
    for rule in RULES:
        click.echo(f"{rule.id:<32} {rule.level:<8} {rule.summary}")
    return ExitCode.OK


def explain_command(rule_id: str) -> int:
    """Print the page of the rule `rule_id`.

    Raises:
        InputError: there is no such rule.
    """
    click.echo(page_of(find(rule_id)), nl=False)
    return ExitCode.OK
