"""A team's own scenario, written from the page that teaches it and from nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.functional.conftest import Team

PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"
FILE = re.compile(r"^`(?P<name>[\w/.]+)`:\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def reader(team: Team) -> Team:
    """Someone who has read the page and typed its files."""
    for match in FILE.finditer(PAGE.read_text()):
        file = team.folder / match["name"]
        file.parent.mkdir(exist_ok=True)
        file.write_text(match["text"])
    assert {path.name for path in team.folder.iterdir()} == {"runbook.md", "plan.yaml", "scenarios"}
    return team


@pytest.mark.parametrize(
    ("responder", "verdict", "code"),
    [("none", "NOT_RESOLVED", 1), ("reference", "RESOLVED", 0), ("runbook", "RESOLVED", 0)],
)
def test_the_scenario_of_the_page_ends_as_the_page_says(
    reader: Team, responder: str, verdict: str, code: int
) -> None:
    drill = reader.drill("plan.yaml", "--responder", responder, "--out", "out")
    assert (drill["verdict"], drill["exit"]) == (verdict, code), drill["reason"]
    assert drill["scenario"] == "wrong-prices"
    assert drill["severity"] == "SEV1"
    if responder == "runbook":
        assert [(step["line"], step["answered"], step["effect"]) for step in drill["steps"]] == [
            (5, True, "none"),
            (6, None, "cured"),
        ]


def test_a_folder_of_scenarios_that_is_not_there_is_one_line(reader: Team) -> None:
    plan = reader.folder / "plan.yaml"
    plan.write_text(plan.read_text().replace("scenarios: scenarios", "scenarios: scenario"))
    done = reader.drillbook("run", "plan.yaml")
    assert done.exit_code == 4
    assert done.stderr.splitlines() == [
        "drillbook: plan.yaml:2: there is no folder 'scenario' beside the plan"
    ]
