"""The installed `drillbook coverage`, on journals that are there: what it prints, writes and exits with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.functional.conftest import Team
from tests.journals import Story, drill, not_applied
from tests.report.covered import begun

RUNS = Path("drillbook-results")


def write_run(team: Team, name: str, written: str, story: Callable[..., Story] = drill) -> Path:
    """A run of one drill in the team's folder, which began at `written`; where it is, as seen from there."""
    run = team.folder / RUNS / name
    story(first=begun(team.folder)).write(run / "one" / "journal.jsonl")
    index = {"schema": 1, "mark": name, "written": written, "ended": True, "drills": ["one"]}
    (run / "run.json").write_text(json.dumps(index))
    return RUNS / name


def absent(**first: object) -> Story:
    return not_applied("The stack lacks a release", first["first"])  # type: ignore[arg-type]  # a start


@pytest.fixture
def run(team: Team) -> Path:
    return write_run(team, "b-first", "2026-11-24T09:00:00+00:00")


def test_the_newest_run_is_shown_and_written_in_every_format(team: Team, run: Path) -> None:
    newest = write_run(team, "a-second", "2026-11-24T10:00:00+00:00")
    flags = [f"--{form}={form}.out" for form in ("html", "json", "lcov", "cobertura")]
    done = team.drillbook("coverage", *flags)
    assert (done.exit_code, done.stderr) == (0, f"drillbook: coverage of {newest}\n")
    assert "1 drill carried out 2 of 3 steps: 66.6 %" in done.stdout
    assert json.loads((team.folder / "json.out").read_text())["percent"] == 66.6
    assert "SF:on-call.md\n" in (team.folder / "lcov.out").read_text()
    assert 'filename="on-call.md"' in (team.folder / "cobertura.out").read_text()
    assert (team.folder / "html.out").read_text().startswith("<!doctype html>")
    both = team.drillbook("coverage", str(run), str(newest), str(newest / "one"), "--format", "lcov")
    assert (both.exit_code, both.stderr) == (0, "")
    assert "DA:15,2\n" in both.stdout


@pytest.mark.parametrize(("least", "code"), [("66.6", 0), ("66.7", 1)])
def test_a_gate_fails_below_its_percentage_and_says_so_in_one_line(
    team: Team, run: Path, least: str, code: int
) -> None:
    done = team.drillbook("coverage", str(run), "--fail-under", least)
    assert done.exit_code == code
    said = f"drillbook: 2 of 3 steps were carried out, 66.6 %, below --fail-under {least}\n"
    assert done.stderr == (said if code else "")


def test_drills_without_a_say_are_inconclusive(team: Team) -> None:
    run = write_run(team, "absent", "2026-11-24T09:00:00+00:00", absent)
    done = team.drillbook("coverage", str(run), "--fail-under", "0")
    assert done.exit_code == 5
    assert "no drill has a say" in done.stderr
    assert "NOT_APPLICABLE: The stack lacks a release" in done.stdout


def test_a_runbook_that_changed_is_said_in_one_line_and_may_be_elsewhere(team: Team, run: Path) -> None:
    book = team.folder / "on-call.md"
    book.rename(team.folder / "drilled.md")
    book.write_text("# Another\n")
    done = team.drillbook("coverage", str(run))
    assert (done.exit_code, done.stdout) == (4, "")
    assert done.stderr.count("\n") == 1
    assert "is not the text that was drilled" in done.stderr
    there = team.drillbook("coverage", str(run), "--runbook", "drilled.md", "--format", "lcov")
    assert (there.exit_code, there.stdout.splitlines()[1]) == (0, "SF:drilled.md")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "drillbook-results: holds no run"),
        (("nothing",), "nothing: holds no journal.jsonl"),
        (("--format", "xml"), "xml"),
        (("--fail-under", "101"), "101"),
        (("--json", "-"), "--format json"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_4(team: Team, arguments: tuple[str, ...], said: str) -> None:
    done = team.drillbook("coverage", *arguments)
    assert (done.exit_code, done.stdout) == (4, "")
    (line,) = done.stderr.strip().splitlines()
    assert said in line


def test_a_file_that_can_t_be_written_is_one_line_and_exit_code_4(team: Team, run: Path) -> None:
    (team.folder / "there").mkdir()
    done = team.drillbook("coverage", str(run), "--html", "there")
    assert (done.exit_code, done.stdout) == (4, "")
    assert "there: can't be written" in done.stderr
