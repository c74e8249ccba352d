"""The commands that only look: `drillbook list`, `parse` and `doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from drillbook import library
from drillbook.app import unmet
from drillbook.commands.run import PACKAGED_PLAN
from drillbook.model import Json, to_json
from drillbook.plan import PlannedDrill, load_plan
from drillbook.result import dumps


def list_command(path: Path | None, *, as_json: bool) -> int:
    """Print the drills of the plan at `path`, or of the packaged one."""
    plan = load_plan(path or library.drills_dir() / PACKAGED_PLAN)
    if as_json:
        drills: list[Json] = [_describe(drill) for drill in plan.drills]
        data: dict[str, Json] = {"schema": 1, "plan": str(plan.path), "drills": drills}
        click.echo(dumps(data), nl=False)
        return 0
    for name in dict.fromkeys(drill.scenario.name for drill in plan.drills):
        of_scenario = [drill for drill in plan.drills if drill.scenario.name == name]
        scenario = of_scenario[0].scenario
        sections = ", ".join(section.title for section in of_scenario[0].sections)
        click.echo(f"{name}  {scenario.severity}  {sections}")
        for drill in of_scenario:
            gap = "  (known gap)" if drill.known_gap else ""
            lacks = unmet(drill.needs, plan.stack.app.app) if plan.stack is not None else ()
            gap += f"  (not applicable: needs {', '.join(lacks)})" if lacks else ""
            click.echo(f"  {name}/{drill.variant.name}{gap}")
            click.echo(f"      {drill.variant.summary}")
    return 0


def _describe(drill: PlannedDrill) -> Json:
    return {
        "scenario": drill.scenario.name,
        "variant": drill.variant.name,
        "title": drill.scenario.title,
        "summary": drill.variant.summary,
        "severity": drill.scenario.severity,
        "sections": [section.title for section in drill.sections],
        "symptoms": list(drill.scenario.symptoms),
        "known_gap": drill.known_gap,
        "operator_role": drill.operator.role,
        "needs": list(drill.needs),
    }


def parse_command(path: Path, *, as_json: bool) -> int:
    """Print what the parser reads in the runbook at `path`."""
    from drillbook.runbook.parse import parse_runbook  # noqa: PLC0415  slow to import
    from drillbook.runbook.schema import to_contract  # noqa: PLC0415

    runbook = parse_runbook(path)
    if as_json:
        click.echo(dumps(to_contract(runbook)), nl=False)
        return 0
    click.echo(f"{runbook.title or '(no title)'}")
    for section in runbook.sections:
        click.echo(f"{section.line:>5}  {'#' * section.level} {section.title}")
        for step in runbook.steps:
            if step.section == section.path:
                mark = "!" if step.caution else " "
                what = (step.command or step.text).splitlines()[0]
                click.echo(f"{step.line:>5} {mark}    {step.kind:<8} {what}")
    for notice in runbook.notices:
        click.echo(f"{path}:{notice.line}: {notice.message}", err=True)
    return 0


def doctor_command(*, as_json: bool) -> int:
    """Print what this machine offers to drills; 0 if a drill can be run here."""
    from drillbook.doctor import examine, exit_code, render  # noqa: PLC0415  it looks for everything

    checks = examine()
    if as_json:
        click.echo(dumps({"schema": 1, "checks": to_json(checks)}), nl=False)
    else:
        render(checks)
    return int(exit_code(checks))
