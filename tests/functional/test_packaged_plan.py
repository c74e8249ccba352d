"""The packaged plan, as `drillbook run` runs it where nothing else is said."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.functional.conftest import Team

from drillbook.registry import scenarios

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run of each scenario's first variant, with its control."""
    team = Team(tmp_path_factory.mktemp("team"))
    done = team.drillbook("run", "--out", "out", "--json", "results.json")
    results = json.loads((team.folder / "results.json").read_text())
    suite = (team.folder / "out" / "suite.md").read_text()
    return {"exit": done.exit_code, "told": done.stdout, "drills": results["drills"], "suite": suite}


def test_each_scenario_s_first_variant_ends_as_the_plan_expects(run: dict[str, Any]) -> None:
    assert run["exit"] == 0, run["told"]
    assert sorted(drill["scenario"] for drill in run["drills"]) == sorted(scenarios())
    assert {drill["scenario"] for drill in run["drills"] if not drill["expected"]} == set()


def test_each_has_a_control_that_does_not_recover(run: dict[str, Any]) -> None:
    judged = [drill for drill in run["drills"] if drill["verdict"] == "RESOLVED"]
    assert len(judged) >= 7
    assert {drill["control"]["verdict"] for drill in judged} == {"NOT_RESOLVED"}
    others = [drill["control"] for drill in run["drills"] if drill not in judged]
    assert [control for control in others if control is not None] == [], "no verdict hangs on it"


def test_the_suite_report_proves_by_line_numbers_which_steps_were_exercised(run: dict[str, Any]) -> None:
    rows = re.findall(
        r"^\| (.+?) \| (\d+) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", run["suite"], re.MULTILINE
    )
    never = {section: lines for section, _, _, _, _, lines in rows if lines not in ("–", "Never")}  # noqa: RUF001
    assert rows
    assert {section for section in never if "Database" in section and "Pool" not in section} == set()


def test_with_the_real_cli_s_surface_a_rollback_that_does_not_exist_is_a_broken_step(team: Team) -> None:
    drill = team.drill("service-down/crash-at-boot", "--strict", "--no-control", "--out", "out")
    assert (drill["verdict"], drill["exit"]) == ("STEP_BROKEN", 1)
    broken = {step["run"]: step["broken"] for step in drill["steps"] if step["broken"]}
    assert broken["railway rollback"] == "error: unrecognized subcommand 'rollback'"
    assert broken["railway deployments"].startswith("Usage: railway deployment")
    report = (team.folder / drill["run_dir"] / "postmortem.md").read_text()
    assert "error: unrecognized subcommand 'rollback'" in report
