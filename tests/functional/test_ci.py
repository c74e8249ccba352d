"""A team's CI: its plan and its own tests under pytest and xdist, and the GitHub action.

The project is tests/functional/sample_project/, copied, and used as a team uses it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
import yaml
from tests.functional.conftest import COMMAND, DEADLINE_S, left_behind

from drillbook.model import Json

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = Path(__file__).with_name("sample_project")
FORGOTTEN = "stuck-transactions/idle-past-threshold"
BROKEN_LINE = 15
END_DEADLINE_S = 30.0


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without what its own pytest and CI put there."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST_", "GITHUB_", "CI_"))}
    return {**kept, **changes}


def run_pytest(project: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        argv,
        cwd=project,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def copy_to(folder: Path) -> Path:
    project = folder / "team" / "tea"
    shutil.copytree(SAMPLE, project, ignore=shutil.ignore_patterns("__pycache__"))
    return project


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after an edit of the runbook that misspells a command."""
    project = copy_to(tmp_path_factory.mktemp("broken"))
    runbook = project / "runbook.md"
    lines = runbook.read_text("utf-8").splitlines(keepends=True)
    assert lines[BROKEN_LINE - 1].startswith('psql $DATABASE_URL -c "SELECT pg_terminate')
    lines[BROKEN_LINE - 1] = lines[BROKEN_LINE - 1].replace("psql", "pqsl", 1)
    runbook.write_text("".join(lines), "utf-8")
    return project


@pytest.mark.whole
def test_the_plan_and_the_team_s_own_tests_are_green_on_two_workers(tmp_path: Path) -> None:
    project = copy_to(tmp_path)
    done = run_pytest(
        project,
        *("-n", "2", "-rA", "--junitxml", "junit.xml"),
        *("--drillbook-out", "reports", "--drillbook-no-control"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed, 1 xfailed" in done.stdout
    assert "XFAIL drills.yaml::stuck-transactions/savepoint-aborted - known gap: the card ends" in done.stdout
    assert f"drillbook: reports: {project}/reports/suite.html" in done.stdout
    index = json.loads((project / "reports" / "run.json").read_text())
    folders = {path.parent.name for path in (project / "reports").glob("*/postmortem.html")}
    assert set(index["drills"]) == folders
    assert len(folders) == 3  # two of the plan, one of a test
    assert index["ended"]
    assert left_behind(index["mark"]) == []
    cases = {case.attrib["name"]: case for case in ET.parse(project / "junit.xml").getroot().iter("testcase")}
    assert cases[FORGOTTEN].find("failure") is None
    told = {each.attrib["name"]: each.attrib["value"] for each in cases[FORGOTTEN].iter("property")}
    assert told["drillbook.verdict"] == "RESOLVED"
    assert cases["stuck-transactions/savepoint-aborted"].find("skipped") is not None


@pytest.mark.whole
def test_a_broken_step_turns_pytest_red_at_its_line(broken: Path) -> None:
    summary = broken / "summary.md"
    done = run_pytest(
        broken,
        *("-n", "2", "-k", "idle-past-threshold", "--junitxml", "junit.xml", "--drillbook-no-control"),
        GITHUB_ACTIONS="true",
        GITHUB_WORKSPACE=str(broken.parent),
        GITHUB_STEP_SUMMARY=str(summary),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    said = f"runbook.md:{BROKEN_LINE}: STEP_BROKEN: Line {BROKEN_LINE} can't run as written"
    assert any(line.startswith(said) for line in lines)
    assert any(
        line.startswith(f"FAILED drills.yaml::{FORGOTTEN} - runbook.md:{BROKEN_LINE}") for line in lines
    )
    (annotation,) = [line for line in lines if line.startswith("::")]
    title = f"{FORGOTTEN}%3A STEP_BROKEN"
    assert annotation.startswith(f"::error file=tea/runbook.md,line={BROKEN_LINE},title={title}::{said}")
    failure = ET.parse(broken / "junit.xml").getroot().find(".//failure")
    assert failure is not None
    assert failure.attrib["message"].startswith(said)
    report = re.search(r"^report: (.+)$", failure.text or "", re.MULTILINE)
    assert report is not None
    assert Path(report[1]).is_file()
    assert "STEP\\_BROKEN" in summary.read_text()


def test_the_github_action_turns_red_at_the_line_and_keeps_junit_and_reports(
    broken: Path, tmp_path: Path
) -> None:
    """Its script is run as GitHub runs it, with drillbook where the step before puts it."""
    action = yaml.safe_load((ROOT / "docs" / "ci" / "action.yml").read_text("utf-8"))
    (step,) = [step for step in action["runs"]["steps"] if step.get("id") == "drill"]
    programs = tmp_path / "drillbook" / "bin"
    programs.mkdir(parents=True)
    (programs / "drillbook").symlink_to(COMMAND)
    words = f'{FORGOTTEN} --no-control --gitlab-quality "the quality.json"'
    inputs = {"plan": "drills.yaml", "args": words}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=broken,
        env=environment(
            **filled(step["env"], action["inputs"], inputs),
            RUNNER_TEMP=str(tmp_path),
            GITHUB_OUTPUT=str(tmp_path / "output"),
            GITHUB_ACTIONS="true",
            GITHUB_WORKSPACE=str(broken),
        ),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"\n::error file=runbook.md,line={BROKEN_LINE},title={FORGOTTEN}%3A STEP_BROKEN::" in done.stdout
    outputs = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    assert set(outputs) == set(action["outputs"])
    assert (broken / outputs["suite"]).is_file()
    schema = xmlschema.XMLSchema(str(ROOT / "tests" / "junit.xsd"))
    schema.validate(broken / outputs["junit"])
    failure = ET.parse(broken / outputs["junit"]).getroot().find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.attrib["message"].startswith(f"runbook.md:{BROKEN_LINE}: STEP_BROKEN: ")
    (issue,) = json.loads((broken / "the quality.json").read_text())
    assert issue["location"] == {"path": "runbook.md", "lines": {"begin": BROKEN_LINE}}


def filled(
    variables: Mapping[str, str], declared: Mapping[str, dict[str, Json]], given: Mapping[str, str]
) -> dict[str, str]:
    """`variables` of a step with the action's inputs in place: those `given`, else their defaults."""
    values = {name: given.get(name, str(each.get("default", ""))) for name, each in declared.items()}
    return {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: values[match[1]], text)
        for name, text in variables.items()
    }


@pytest.mark.whole
def test_ctrl_c_ends_the_session_and_leaves_nothing(tmp_path: Path) -> None:
    project = copy_to(tmp_path)
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "2", "--drillbook-out", "reports"]
    output = (tmp_path / "output").open("wb")
    session = subprocess.Popen(
        argv, cwd=project, env=environment(), stdout=output, stderr=output, start_new_session=True
    )
    try:
        deadline = time.monotonic() + END_DEADLINE_S
        index = project / "reports" / "run.json"
        while not index.exists() or not left_behind(json.loads(index.read_text())["mark"]):
            assert time.monotonic() < deadline, "no drill began"
            time.sleep(0.05)
        mark = json.loads(index.read_text())["mark"]
        os.killpg(session.pid, signal.SIGINT)  # as a terminal does
        assert session.wait(END_DEADLINE_S) == 2, (tmp_path / "output").read_text()
        while left_behind(mark):
            assert time.monotonic() < deadline + END_DEADLINE_S, left_behind(mark)
            time.sleep(0.05)
    finally:
        session.kill()
        session.wait()
        output.close()
