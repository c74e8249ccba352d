"""Bad input: one clear line with the file, and exit code 4; nothing half-done."""

from __future__ import annotations

import subprocess

import pytest
from tests.functional.conftest import COMMAND, DEADLINE_S, Team

from drillbook import tools


def refused(team: Team, *arguments: str) -> str:
    done = team.drillbook(*arguments)
    assert done.exit_code == 4, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert not (team.folder / "drillbook-results").exists()
    return lines[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02PNG", "binary"),
        (b"# R\xe9sum\xe9\n", "UTF-8"),
        (b"#" * 6_000_000, "large"),
    ],
)
def test_a_runbook_that_is_no_text_is_refused(team: Team, content: bytes, said: str) -> None:
    (team.folder / "bad.md").write_bytes(content)
    line = refused(team, "run", "--runbook", "bad.md")
    assert "bad.md" in line
    assert said.lower() in line.lower() or said == "large"


def test_a_runbook_that_is_not_there_is_refused(team: Team) -> None:
    assert "missing.md" in refused(team, "run", "--runbook", "missing.md")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("platform:", "platfrom:", "platfrom"),
        ("stuck-transactions", "stuck-transaction", "stuck-transactions"),
        ("idle-past-threshold", "idle-past-treshold", "idle-past-threshold"),
        ("section: Database Issues", "section: Database Isues", "Database Issues"),
        ("role: superuser", "role: king", "king"),
        ("runbook: runbook.md", "runbook: other.md", "other.md"),
        (
            "drills:",
            "bindings:\n  - {section: Database Issues, step: Ask a friend, run: 'true'}\ndrills:",
            "Ask a friend",
        ),
    ],
)
def test_a_plan_that_is_wrong_is_refused_at_its_line(team: Team, old: str, new: str, said: str) -> None:
    plan = team.write()
    assert old in plan.read_text()
    plan.write_text(plan.read_text().replace(old, new))
    line = refused(team, "run", "plan.yaml")
    assert "plan.yaml:" in line or "other.md" in line
    assert said in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "no-such-scenario"),
        ("run", "stuck-transactions/no-such-variant"),
        ("run", "--responder", "robot"),
        ("run", "--responder", "command:"),
        ("run", "--repeat", "0"),
        ("run", "--no-such-flag"),
        ("run", "--deadline", "-1"),
        ("run", "missing.yaml"),
        ("no-such-command",),
        ("parse", "missing.md"),
        ("report", "missing"),
        ("recover", "missing"),
    ],
)
def test_a_flag_or_name_that_is_wrong_is_refused(team: Team, arguments: tuple[str, ...]) -> None:
    assert "drillbook: " in refused(team, *arguments)


def test_an_output_directory_that_can_t_be_written_is_refused_before_anything_boots(team: Team) -> None:
    (team.folder / "file").write_text("in the way")
    assert "file" in refused(team, "run", "--out", "file/out")


def test_results_are_never_mixed_with_an_earlier_run_s(team: Team) -> None:
    (team.folder / "out").mkdir()
    (team.folder / "out" / "run.json").write_text("{}")
    assert "earlier run" in refused(team, "run", "--out", "out")


def test_a_json_file_that_can_t_be_written_is_refused_before_anything_boots(team: Team) -> None:
    assert "nowhere" in refused(team, "run", "--json", "nowhere/results.json")


def without_namespaces(team: Team, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command where user namespaces are forbidden, as in an ordinary container."""
    bwrap = [str(tools.find("bwrap").path), "--unshare-user", "--disable-userns", "--dev-bind", "/", "/"]
    argv = [*bwrap, "--uid", "1000", "--gid", "1000", str(COMMAND), *arguments]
    return subprocess.run(
        argv, cwd=team.folder, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


def test_where_no_sandbox_can_be_had_another_s_runbook_needs_an_explicit_word(team: Team) -> None:
    done = without_namespaces(team, "run", str(team.write()))
    assert done.returncode == 3
    assert "--no-sandbox" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_where_no_sandbox_can_be_had_the_packaged_plan_runs_with_a_warning(team: Team) -> None:
    done = without_namespaces(team, "run", "stuck-transactions", "redis-memory", "--no-control")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "RESOLVED" in done.stdout
    assert "warning: no sandbox" in done.stderr
