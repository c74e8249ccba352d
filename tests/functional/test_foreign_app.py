"""The example of an app that drillbook knows nothing of: Kinto, from PyPI, in an environment of its own."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import platformdirs
import pytest
from tests.functional.conftest import Team

pytestmark = pytest.mark.whole
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "kinto"
INSTALL_DEADLINE_S = 300.0
CURED = (
    "service-down/crash-at-boot",
    "stuck-transactions/idle-past-threshold",
    "connections-exhausted/idle-leak",
    "redis-unavailable/read-only-replica",
    "redis-memory/noeviction-full",
)
ABSENT = "rate-limiting/bot-one-address"


@pytest.fixture(scope="module")
def environment() -> Path:
    """Kinto's virtual environment, kept in the user's cache under a name that changes with what is in it."""
    requirements = EXAMPLE / "requirements.txt"
    recipe = requirements.read_bytes() + sys.version.encode()
    place = Path(platformdirs.user_cache_dir("drillbook")) / "examples"
    place.mkdir(parents=True, exist_ok=True)
    folder = place / f"kinto-{hashlib.sha256(recipe).hexdigest()[:8]}"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=INSTALL_DEADLINE_S)
            pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "-r", str(requirements)], check=True, timeout=INSTALL_DEADLINE_S)
            (folder / "ready").touch()
    return folder


@pytest.fixture
def kinto(team: Team, environment: Path) -> Team:
    """Somebody who has done what the example's README says."""
    shutil.copytree(EXAMPLE, team.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".venv"))
    (team.folder / ".venv").symlink_to(environment)
    return team


def test_an_app_that_nobody_here_wrote_is_drilled_in_five_scenarios(kinto: Team) -> None:
    done = kinto.drillbook(
        *("run", "drillbook.yaml", "--out", "out", "--json", "results.json", "--junit", "junit.xml")
    )
    assert (kinto.folder / "results.json").exists(), done.stderr
    drills = json.loads((kinto.folder / "results.json").read_text())["drills"]
    by_name: dict[str, dict[str, Any]] = {f"{each['scenario']}/{each['variant']}": each for each in drills}
    said = {name: f"{each['verdict']}: {each['reason']}" for name, each in by_name.items()}
    assert [name for name in CURED if by_name[name]["verdict"] != "RESOLVED"] == [], said
    assert [by_name[name]["control"]["verdict"] for name in CURED] == ["NOT_RESOLVED"] * len(CURED)
    assert done.exit_code == 0, said
    kept = {each["name"]: each["held"] for each in by_name[CURED[1]]["invariants"]}
    assert kept["no record is lost"]
    assert "acknowledged writes are still there" not in kept
    _check_what_does_not_apply(kinto, by_name[ABSENT], done.stdout)


def _check_what_does_not_apply(kinto: Team, drill: dict[str, Any], console: str) -> None:
    assert drill["verdict"] == "NOT_APPLICABLE"
    assert "needs: shop floods" in drill["reason"]
    assert (drill["score"], drill["control"], drill["expected"], drill["steps"]) == (None, None, False, [])
    cases = ET.parse(kinto.folder / "junit.xml").getroot().iter("testcase")
    names = (f"drillbook.{drill['scenario']}", drill["variant"])
    (case,) = (each for each in cases if (each.attrib["classname"], each.attrib["name"]) == names)
    assert [child.tag for child in case] == ["skipped", "system-out"]
    assert "needs: shop floods" in case[0].attrib["message"]
    assert "1 of 6 drills not applicable" in console
    text = (kinto.folder / "out" / "suite.md").read_text()
    assert "resolves 5 of 5 failures drilled" in text
    assert "## Not applicable" in text


def test_where_nothing_is_applicable_nothing_is_conclusive(kinto: Team) -> None:
    drill = kinto.drill("drillbook.yaml", ABSENT)
    assert (drill["verdict"], drill["exit"]) == ("NOT_APPLICABLE", 5)


def test_the_list_says_beforehand_what_is_not_applicable(kinto: Team) -> None:
    done = kinto.drillbook("list", "drillbook.yaml")
    assert f"  {ABSENT}  (not applicable: needs shop floods)" in done.stdout.splitlines()
    assert f"  {CURED[0]}" in done.stdout.splitlines()


def test_an_app_that_is_not_installed_is_one_line_before_anything_boots(kinto: Team) -> None:
    (kinto.folder / ".venv").unlink()
    done = kinto.drillbook("run", "drillbook.yaml", "--out", "out")
    assert done.exit_code == 4
    assert len(done.stderr.splitlines()) == 1
    assert "drillbook.yaml:9: there is no program '.venv/bin/kinto' here" in done.stderr
    assert not (kinto.folder / "out").exists()


def test_an_app_that_does_not_come_up_says_what_it_said(kinto: Team) -> None:
    plan = kinto.folder / "drillbook.yaml"
    plan.write_text(plan.read_text().replace("kinto migrate --ini kinto.ini", "kinto migrate --ini gone.ini"))
    drill = kinto.drill("drillbook.yaml", CURED[1])
    assert (drill["verdict"], drill["exit"]) == ("INFRA_ERROR", 3)
    assert "the setup's kinto ended with exit code" in drill["reason"]
