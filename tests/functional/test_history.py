"""The history and its gates: a team's repository, drilled, changed, drilled again and compared."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.functional.conftest import KILL, Done, Team
from tests.journals import control, drill, start

from drillbook.clocks import Durations
from drillbook.commands.run import Flags, record, run_command
from drillbook.history import FOLDER, NAME, VARIABLE, History
from drillbook.model import Machine, Verdict
from drillbook.result import CONTROL, JOURNAL, DrillResult, RunbookFile, result, result_of
from drillbook.revision import revision
from drillbook.run import Run

VARIANT = "stuck-transactions/idle-past-threshold"


@dataclass(frozen=True)
class Drilled:
    """A team's repository whose history has three runs: the last is of a broken step."""

    team: Team

    def drillbook(self, *arguments: str) -> Done:
        # Wide, for the folder of a test may have a long name.
        return self.team.drillbook(*arguments, environment={VARIABLE: "", "COLUMNS": "300"})

    def compare(self, *arguments: str) -> Done:
        return self.drillbook("compare", *arguments)


def git(folder: Path, *arguments: str) -> None:
    identity = [
        "-c",
        "user.name=On call",
        "-c",
        "user.email=on-call@example.com",
        "-c",
        "commit.gpgSign=false",
    ]
    subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, timeout=30, check=True)


def commit(team: Team, kill: str) -> None:
    team.write(kill=kill)
    git(team.folder, "add", "runbook.md", "plan.yaml")
    git(team.folder, "commit", "--quiet", "--message", "Change it")


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Drilled:
    """Three states of a runbook: the first is drilled, the others are put on file, resolved and broken."""
    team = Team(tmp_path_factory.mktemp("team"))
    (team.folder / FOLDER).mkdir()
    git(team.folder, "init", "--quiet", "--initial-branch", "main")
    commit(team, KILL)
    team.drillbook("run", "plan.yaml", "--no-control", "--out", "out", environment={VARIABLE: ""})
    real = result(next((team.folder / "out").glob("*/journal.jsonl")).parent)
    for kill, verdict, ttr in ((f"{KILL};", "RESOLVED", 1.5), ("SELECT oops()", "STEP_BROKEN", None)):
        commit(team, kill)
        runbook = team.folder / "runbook.md"
        made = replace(
            real,
            verdict=Verdict(verdict),
            durations=Durations(ttm=ttr, ttr=ttr, error_s=0.1),
            runbook=RunbookFile("runbook.md", hashlib.sha256(runbook.read_bytes()).hexdigest()),
            revision=revision(runbook),
        )
        History(team.folder / FOLDER / NAME).record([made], command="drillbook run", out=team.folder)
    return Drilled(team)


def test_a_run_is_recorded_in_the_project_with_its_runbook_s_revision(drilled: Drilled) -> None:
    listed = drilled.drillbook("history", "--json")
    runs: list[dict[str, Any]] = json.loads(listed.stdout)["runs"]
    assert [run["id"] for run in runs] == [3, 2, 1]
    (one,) = runs[2]["drills"]
    (there,) = (drilled.team.folder / "out").glob("*/result.json")
    written = json.loads(there.read_text())
    assert (one["verdict"], one["started"]) == (written["verdict"], written["started"])
    assert (one["durations"]["ttd"], one["seed"]) == (written["durations"]["ttd"], 0)
    assert one["revision"] == written["revision"]
    assert (one["revision"]["path"], one["revision"]["dirty"]) == ("runbook.md", False)
    assert one["revision"]["commit"] != runs[0]["drills"][0]["revision"]["commit"]
    versions = one["versions"]
    assert one["machine_class"].endswith(f"postgres {versions['postgres']}, redis {versions['redis']}")
    assert runs[2]["command"].startswith("drillbook run plan.yaml")


def test_revisions_of_the_runbook_are_compared_and_the_gate_names_what_regressed(drilled: Drilled) -> None:
    done = drilled.compare("HEAD~1", "main", "--no-regression")
    assert done.exit_code == 1
    assert done.stderr == f"drillbook: regressed: {VARIANT}: RESOLVED, now STEP_BROKEN\n"
    assert "BASE  runbook.md at " in done.stdout
    assert "worse" in done.stdout


def test_without_a_gate_a_comparison_fails_nothing_and_back_to_what_worked_no_gate_does(
    drilled: Drilled,
) -> None:
    assert drilled.compare("HEAD~1", "HEAD").exit_code == 0
    back = drilled.compare("3", "2", "--no-regression", "--max-ttr", "60")
    assert (back.exit_code, back.stderr) == (0, "")
    assert "better" in back.stdout


def test_run_directories_are_compared_without_being_on_file(team: Team) -> None:
    first = start(machine=Machine(2, "x86_64"))
    for run, cured_at in (("before", 9.0), ("after", None)):
        folder = team.folder / run / "stuck-transactions--idle-past-threshold"
        drill(first=first, cured_at=cured_at, cause="gone" if cured_at else "present").write(folder / JOURNAL)
        control().write(folder / CONTROL / JOURNAL)
    done = team.drillbook("compare", "before", "after", "--json", "--no-regression")
    assert done.exit_code == 1
    (pair,) = json.loads(done.stdout)["pairs"]
    assert (pair["verdicts"], pair["regressed"]) == ("worse", "RESOLVED, now NOT_RESOLVED")
    one = str(next((team.folder / "before").iterdir()).relative_to(team.folder))
    assert team.drillbook("compare", "after", one, "--no-regression").exit_code == 0


def test_the_gate_on_ttr_names_the_variant_of_head(drilled: Drilled) -> None:
    done = drilled.compare("3", "2", "--max-ttr", "0.01")
    assert done.exit_code == 1
    assert done.stderr == f"drillbook: TTR over 0.01 s: {VARIANT} (1.50 s)\n"


@pytest.mark.parametrize(
    ("base", "head", "said"),
    [
        ("1", "nowhere", "'nowhere' is no directory, no run on file, and no git revision here"),
        ("7", "1", "'7' is no directory, no run on file"),
        ("1", "1", "BASE and HEAD are the same drills"),
        (FOLDER, "1", f"{FOLDER}: holds no journal.jsonl"),
    ],
)
def test_what_names_no_drills_is_refused_in_one_line(
    drilled: Drilled, base: str, head: str, said: str
) -> None:
    done = drilled.compare(base, head)
    assert done.exit_code == 4
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_revision_that_nobody_drilled_is_refused_with_what_to_do(drilled: Drilled) -> None:
    (drilled.team.folder / "runbook.md").write_text("# Another\n")
    git(drilled.team.folder, "commit", "--all", "--quiet", "--message", "Another")
    done = drilled.compare("HEAD~1", "HEAD")
    git(drilled.team.folder, "reset", "--quiet", "--hard", "HEAD~1")
    assert done.exit_code == 4
    assert "no drill is on file of runbook.md as it was at HEAD (" in done.stderr
    assert "run drillbook on it first" in done.stderr


def test_the_tables_and_the_trend_page_show_every_run(drilled: Drilled) -> None:
    runs = drilled.drillbook("history").stdout.splitlines()
    assert [line.split()[0] for line in runs] == ["run", "3", "2", "1"]
    drills = drilled.drillbook("history", "--scenario", VARIANT, "--limit", "1").stdout
    assert "STEP_BROKEN" in drills
    assert VARIANT in drills
    assert "no such drill is on file" in drilled.drillbook("history", "--scenario", "service-down").stdout
    made = drilled.drillbook("history", "--html", "trend.html")
    assert (made.exit_code, made.stdout) == (0, "Report: trend.html\n")
    assert "RESOLVED 1, now STEP_BROKEN 1" in (drilled.team.folder / "trend.html").read_text()


def test_before_anything_was_run_the_history_says_so(team: Team) -> None:
    place = {VARIABLE: str(team.folder / NAME)}
    done = team.drillbook("history", environment=place)
    assert (done.exit_code, done.stdout.startswith("nothing is on file yet")) == (0, True)
    refused = team.drillbook("history", "--html", "trend.html", environment=place)
    assert refused.exit_code == 4
    assert list(team.folder.iterdir()) == []


def made(**changes: object) -> DrillResult:
    first = start(machine=Machine(2, "x86_64"))
    whole = result_of(drill(first=first).entries(), control().entries(), run_dir="out/a")
    return replace(whole, **changes)  # type: ignore[arg-type]  # the names are checked by `replace`


def test_a_history_that_can_t_be_written_is_a_warning_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("what to buy " * 100)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "notes.txt"))
    record([made()], tmp_path)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("drillbook: warning: not in the history: ")


def test_what_was_interrupted_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / NAME))
    record([made(interrupted=True, verdict=Verdict.INFRA_ERROR)], tmp_path)
    assert not (tmp_path / NAME).exists()
    record([made(), made(interrupted=True)], tmp_path)
    (run,) = History(tmp_path / NAME).runs()
    assert len(run.drills) == 1


def flags(out: Path, **changes: object) -> Flags:
    plain = Flags(
        what=(VARIANT,), runbook=None, responder="runbook", backend="local", all_variants=False,
        no_control=True, strict=False, repeat=1, jobs=1, seed=0, deadline=None, out=out,
        json_file=None, junit_file=None, no_sandbox=True,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]  # the names are checked by `replace`


@pytest.mark.parametrize(("left_out", "on_file"), [(True, 0), (False, 1)])
def test_a_run_is_left_out_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, left_out: bool, on_file: int
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / NAME))
    monkeypatch.setattr(Run, "carry_out", lambda _: [made()])
    assert run_command(flags(tmp_path / "out", no_history=left_out)) == 0
    assert len(History(tmp_path / NAME).runs()) == on_file


@pytest.mark.parametrize(
    ("most_s", "ending", "code", "said"),
    [
        (60.0, {}, 0, ""),
        (2.0, {}, 1, f"drillbook: TTR over 2 s: {VARIANT} (4.52 s)\n"),
        (2.0, {"verdict": Verdict.INFRA_ERROR}, 3, ""),
    ],
)
def test_a_run_fails_where_a_variant_takes_longer_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    *, most_s: float, ending: dict[str, object], code: int, said: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(Run, "carry_out", lambda _: [made(**ending)])
    assert run_command(flags(tmp_path / "out", no_history=True, max_ttr=most_s)) == code
    warned = "drillbook: warning: no sandbox (--no-sandbox): commands run unconfined\n"
    assert capsys.readouterr().err == warned + said
