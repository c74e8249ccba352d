"""`drillbook init`: from a team's repository to a first plan that runs."""

from __future__ import annotations

import os
from pathlib import Path

import click

from drillbook import registry
from drillbook.errors import InputError
from drillbook.model import ExitCode
from drillbook.plan import load_plan
from drillbook.run import write_whole
from drillbook.scaffold.candidates import find_runbook, read_candidate
from drillbook.scaffold.draft import Draft, listed
from drillbook.scaffold.hints import find_hints
from drillbook.scaffold.topics import scenarios_of
from drillbook.schedule import BASE_TOOLS

PLAN = "drillbook.yaml"


def init_command(folder: Path, *, runbook: Path | None, out: Path | None, force: bool) -> int:
    """Write a plan for the repository in `folder`.

    Raises:
        InputError: there is no runbook, none of its sections fits a scenario, or there is a plan already.
    """
    if not folder.is_dir():
        raise InputError("is not a directory", path=folder, hint="name the repository's")
    path = out or folder / PLAN
    if path.exists() and not force:
        raise InputError("is there already", path=path, hint="--force writes it anew, or name another --out")
    candidate = read_candidate(runbook) if runbook is not None else find_runbook(folder)
    topics = scenarios_of(candidate.runbook)
    if not topics:
        raise InputError(
            "no section with steps has a title that fits a scenario",
            path=candidate.path,
            hint="name another with --runbook, or write the plan by hand: `drillbook list` has the scenarios",
        )
    hints = find_hints(folder)
    scenarios = dict(registry.scenarios())
    draft = Draft(path, candidate, topics, scenarios=scenarios, hints=hints, tools=BASE_TOOLS)
    _write(path, draft.text())
    bound = [name for name in scenarios if name in topics]
    click.echo(f"runbook: {os.path.relpath(candidate.path)}, for {listed(bound)}")
    ways = ["is started by its command"] if draft.binds_app else []
    ways += ["comes from the compose file with --backend docker"] if draft.binds_compose else []
    app = " and ".join(ways) or "has drillbook's shop stand in for it"
    found = f"; see what {listed([file.name for file in hints.files])} says" if hints.files else ""
    click.echo(f"the app {app}{found}")
    click.echo(f"Wrote {os.path.relpath(path)}. Next: drillbook run {draft.arguments}")
    return ExitCode.OK


def _write(path: Path, text: str) -> None:
    """Write the plan, and keep it only if it is one."""
    beside = path.with_name(f".{path.stem}.{os.getpid()}.yaml")
    try:
        write_whole(beside, text)
        load_plan(beside)
        beside.replace(path)
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", path=path) from error
    except InputError as error:
        raise InputError(f"no plan can be made of what is here: {error.message}", path=path) from error
    finally:
        beside.unlink(missing_ok=True)
