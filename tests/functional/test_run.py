"""`drillbook run`, on real servers, as a team runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.functional.conftest import KILL, Team

DRILL_KEYS = {
    "scenario", "variant", "responder", "backend", "runbook", "severity", "verdict", "reason", "known_gap",
    "clocks", "durations", "error_s", "control", "steps", "invariants", "findings", "score", "seed",
    "versions", "run_dir",
}  # fmt: skip
STEP_KEYS = {"line", "section", "text", "command", "kind", "exit_code", "seconds", "effect"}
CLOCKS = ("inject", "impact", "detect", "ack", "act", "mitigate", "declared", "resolve")


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One drill with its control, whose runbook works."""
    team = Team(tmp_path_factory.mktemp("team"))
    plan = team.write()
    return team.drill(str(plan), "--out", "out", "--junit", "junit.xml") | {"folder": str(team.folder)}


def test_a_runbook_that_works_is_resolved_and_its_control_is_not(resolved: dict[str, Any]) -> None:
    assert (resolved["verdict"], resolved["exit"]) == ("RESOLVED", 0)
    assert resolved["control"]["verdict"] == "NOT_RESOLVED"
    assert resolved["control"]["watched_s"] >= resolved["durations"]["ttm"]


def test_its_json_holds_what_the_contract_promises(resolved: dict[str, Any]) -> None:
    assert resolved.keys() >= DRILL_KEYS
    assert set(resolved["clocks"]) == set(CLOCKS)
    assert set(resolved["durations"]) == {"ttd", "tta", "ttm", "ttr"}
    assert set(resolved["runbook"]) == {"path", "sha256"}
    for step in resolved["steps"]:
        assert step.keys() >= STEP_KEYS
    for invariant in resolved["invariants"]:
        assert invariant.keys() >= {"name", "held", "detail"}
    assert 0 <= resolved["score"]["total"] <= 100


def test_its_clocks_run_in_order(resolved: dict[str, Any]) -> None:
    clocks = resolved["clocks"]
    assert clocks["impact"] <= clocks["detect"] <= clocks["ack"] <= clocks["act"]
    assert clocks["act"] <= clocks["mitigate"] == clocks["resolve"]


def test_the_step_that_cured_is_the_one_that_kills(resolved: dict[str, Any]) -> None:
    effects = {step["line"]: step["effect"] for step in resolved["steps"]}
    assert effects == {7: "none", 10: "cured"}


def test_customers_traffic_was_really_there(resolved: dict[str, Any]) -> None:
    journal = Path(resolved["folder"]) / resolved["run_dir"] / "journal.jsonl"
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    counted = [entry for entry in entries if entry["kind"] == "traffic"]
    assert sum(entry["requests"] for entry in counted) > 20
    slowest = max(entry["p95_s"] or 0.0 for entry in counted)
    assert slowest > 0.3  # customers waited for the lock
    writes = next(i for i in resolved["invariants"] if "writes" in i["name"])
    assert writes["held"]
    assert not writes["detail"].startswith("0 of 0")


def test_no_password_is_in_anything_that_was_written_but_the_worker_s_own_files(
    resolved: dict[str, Any],
) -> None:
    run_dir = Path(resolved["folder"]) / resolved["run_dir"]
    for name in ("journal.jsonl", "result.json", "postmortem.md", "postmortem.html"):
        text = (run_dir / name).read_text()
        assert "postgresql://postgres:" not in text or "postgresql://postgres:***@" in text


def test_its_junit_file_has_the_drill_as_a_case(resolved: dict[str, Any]) -> None:
    suite = ET.parse(Path(resolved["folder"]) / "junit.xml").getroot()[0]
    assert suite.attrib["tests"] == "1"
    assert suite.attrib["failures"] == "0"
    assert [case.attrib["name"] for case in suite.findall("testcase")] == ["idle-past-threshold"]


def test_report_makes_every_report_again_from_the_journal_alone(resolved: dict[str, Any]) -> None:
    team = Team(Path(resolved["folder"]))
    run_dir = team.folder / resolved["run_dir"]
    before = (run_dir / "result.json").read_text()
    for name in ("result.json", "postmortem.md", "postmortem.html"):
        (run_dir / name).unlink()
    done = team.drillbook("report", str(resolved["run_dir"]))
    assert done.exit_code == 0, done.stderr
    assert (run_dir / "result.json").read_text() == before
    assert (run_dir / "postmortem.html").exists()


MUTANTS = {
    "terminate becomes cancel": KILL.replace("pg_terminate_backend", "pg_cancel_backend"),
    "idle in transaction becomes active": KILL.replace("'idle in transaction'", "'active'"),
    "10 minutes become 10 hours": KILL.replace("10 minutes", "10 hours"),
}


@pytest.mark.parametrize("kill", MUTANTS.values(), ids=MUTANTS.keys())
def test_a_mutant_of_the_query_resolves_nothing(team: Team, kill: str) -> None:
    drill = team.drill(str(team.write(kill=kill)), "--no-control")
    assert drill["verdict"] == "NOT_RESOLVED", drill["reason"]
    assert drill["exit"] == 1


def test_the_query_on_another_database_resolves_nothing(team: Team) -> None:
    elsewhere = team.drill(str(team.write(kill=f"{KILL} AND datname = 'template1'")), "--no-control")
    assert elsewhere["verdict"] == "NOT_RESOLVED"


def test_a_connection_to_a_database_that_is_not_there_resolves_nothing(team: Team) -> None:
    plan = team.write()
    runbook = team.folder / "runbook.md"
    mutant = runbook.read_text().replace("$DATABASE_URL", "${DATABASE_URL%/*}/archive")
    assert mutant != runbook.read_text()
    runbook.write_text(mutant)
    assert team.drill(str(plan), "--no-control")["verdict"] in ("NOT_RESOLVED", "STEP_BROKEN")


def test_without_the_step_nothing_is_resolved(team: Team) -> None:
    assert team.drill(str(team.write(kill="SELECT 2")), "--no-control")["verdict"] == "NOT_RESOLVED"


def test_a_step_that_does_not_exist_is_broken(team: Team) -> None:
    plan = team.write()
    runbook = team.folder / "runbook.md"
    runbook.write_text(runbook.read_text().replace("railway run psql", "railwy run psql"))
    drill = team.drill(str(plan), "--no-control")
    assert (drill["verdict"], drill["exit"]) == ("STEP_BROKEN", 1)
    assert "line 7" in drill["reason"].lower()


def test_a_variable_that_the_operator_lacks_makes_the_step_broken(team: Team) -> None:
    plan = team.write()
    plan.write_text(plan.read_text().replace("[DATABASE_URL, REDIS_URL]", "[REDIS_URL]"))
    drill = team.drill(str(plan), "--no-control")
    assert drill["verdict"] == "STEP_BROKEN"
    assert "DATABASE_URL" in drill["reason"]


def test_the_app_s_own_role_can_t_kill_another_role_s_session(team: Team) -> None:
    drill = team.drill(str(team.write(variant="other-role", role="app")), "--no-control")
    assert drill["verdict"] == "NOT_RESOLVED"
    kill = drill["steps"][-1]
    assert (kill["exit_code"], kill["effect"]) == (0, "none")  # silent: it matched nothing


def test_the_app_s_own_role_can_kill_its_own_session(team: Team) -> None:
    assert team.drill(str(team.write(role="app")), "--no-control")["verdict"] == "RESOLVED"


def test_a_cure_that_kills_bystanders_is_harmful(team: Team) -> None:
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    drill = team.drill(str(team.write(kill=kill)), "--no-control")
    assert (drill["verdict"], drill["exit"]) == ("HARMFUL", 1)


def test_nobody_resolves_nothing(team: Team) -> None:
    drill = team.drill(str(team.write()), "--responder", "none")
    assert drill["verdict"] == "NOT_RESOLVED"
    assert drill["control"] is None


def test_a_program_can_respond(team: Team) -> None:
    program = (
        "cat > incident.json; grep -q '\"severity\"' incident.json || exit 9; "
        f'psql "$DATABASE_URL" -c "{KILL}"'
    )
    drill = team.drill(str(team.write()), "--no-control", "--responder", f"command:{program}")
    assert (drill["verdict"], drill["exit"]) == ("RESOLVED", 0)
    assert drill["clocks"]["declared"] is not None


def test_a_known_gap_that_shows_is_expected_and_one_that_resolves_is_out_of_date(team: Team) -> None:
    gap = "{known_gap: the query looks only for idle in transaction}"
    plan = team.write(variant="savepoint-aborted")
    plan.write_text(plan.read_text().replace("savepoint-aborted: {}", f"savepoint-aborted: {gap}"))
    drill = team.drill(str(plan), "--no-control")
    assert (drill["verdict"], drill["exit"]) == ("NOT_RESOLVED", 0)
    plan.write_text(plan.read_text().replace("savepoint-aborted", "idle-past-threshold"))
    drill = team.drill(str(plan), "--no-control")
    assert (drill["verdict"], drill["exit"]) == ("RESOLVED", 1)


def test_outside_a_sandbox_the_verdict_is_the_same(team: Team) -> None:
    drill = team.drill(str(team.write()), "--no-control", "--no-sandbox")
    assert (drill["verdict"], drill["exit"]) == ("RESOLVED", 0)


@pytest.mark.whole
def test_drills_side_by_side_stay_apart(team: Team) -> None:
    plan = team.write()
    done = team.drillbook(
        "run", str(plan), "--no-control", "--repeat", "2", "--jobs", "2", "--json", "results.json"
    )
    assert done.exit_code == 0, done.stdout + done.stderr
    drills = json.loads((team.folder / "results.json").read_text())["drills"]
    assert [drill["verdict"] for drill in drills] == ["RESOLVED", "RESOLVED"]
    assert len({drill["run_dir"] for drill in drills}) == 2
