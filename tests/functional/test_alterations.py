"""`drillbook run --ablate` and `drillbook mutate`, on real servers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.functional.conftest import KILL, RUNBOOK, Team

QUICK = "timing: {settle: 500ms, hold: 500ms}\n"
KILL_LINE = 7
ONE_STEP = RUNBOOK.replace('# Check connection\nrailway run psql $DATABASE_URL -c "SELECT 1"\n\n', "")


def write(team: Team) -> str:
    """A plan on a runbook with one step, on which no time is lost."""
    plan = team.write()
    plan.write_text(plan.read_text() + QUICK)
    (team.folder / "runbook.md").write_text(ONE_STEP.format(kill=KILL))
    return str(plan)


def read(team: Team, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((team.folder / name).read_text())
    return found


@pytest.mark.whole
def test_a_step_without_which_nothing_is_resolved_is_needed(team: Team) -> None:
    done = team.drillbook(
        "run", write(team), "--ablate", "--no-control", "--out", "out", "--json", "results.json"
    )
    assert done.exit_code == 0, done.stdout + done.stderr
    assert "1 is needed" in done.stdout
    said = read(team, "out/ablation.json")
    assert read(team, "results.json")["ablation"] == said
    drill = said["drills"][0]
    assert [(step["line"], step["necessity"], step["verdict"]) for step in drill["steps"]] == [
        (KILL_LINE, "needed", "NOT_RESOLVED")
    ]
    assert drill["smallest"]["lines"] == [KILL_LINE]
    without = read(team, f"{drill['steps'][0]['run_dir']}/result.json")
    assert [(step["line"], step["skipped"]) for step in without["steps"]] == [
        (KILL_LINE, "left out on purpose")
    ]
    assert without["altered"] == f"line {KILL_LINE} is left out"


@pytest.mark.whole
def test_a_mutant_of_the_step_that_cures_is_killed(team: Team) -> None:
    plan = write(team)
    done = team.drillbook("mutate", plan, "--only", f"function-{KILL_LINE}", "--no-control", "--out", "out")
    assert done.exit_code == 0, done.stdout + done.stderr
    assert "Kill rate 100 %" in done.stdout
    said = read(team, "out/mutants.json")
    (mutant,) = said["mutants"]
    assert (mutant["fate"], mutant["by"], mutant["verdict"]) == ("killed", "verdict", "NOT_RESOLVED")
    result = read(team, f"{mutant['run_dir']}/result.json")
    assert "pg_cancel_backend" in result["steps"][0]["command"]
    assert result["repeat"].startswith("drillbook mutate ")
    assert "pg_terminate_backend" in (team.folder / "runbook.md").read_text()
