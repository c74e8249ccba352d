"""The history: one SQLite file that several commands write at once, and that later versions can read."""

from __future__ import annotations

import multiprocessing
import sqlite3
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from tests.journals import control, drill, start

from drillbook.errors import InputError
from drillbook.history import FOLDER, MIGRATIONS, NAME, VARIABLE, History, place, record_of
from drillbook.model import Machine, Revision, Verdict
from drillbook.result import DrillResult, result_of

REVISION = Revision("ab" * 20, "on-call/runbook.md", dirty=True)
PROCESSES, RUNS_EACH = 4, 6


def cured(**changes: object) -> DrillResult:
    first = start(machine=Machine(2, "x86_64"), revision=REVISION, plan_sha256="7a" * 32)
    made = result_of(drill(first=first).entries(), control().entries(), run_dir="out/a")
    return replace(made, **changes)  # type: ignore[arg-type]  # the names are checked by `replace`


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "deep" / NAME)


def test_what_was_recorded_comes_back_as_it_was(history: History) -> None:
    gap = cured(variant="keepalive", known_gap="nobody looks", verdict=Verdict.NOT_RESOLVED, machine=None,
                revision=None, plan=None, score=None, control=None)  # fmt: skip
    number = history.record([cured(), gap], command="drillbook run", out=Path("out"))
    run = history.run(number)
    assert run is not None
    assert run.drills == (
        replace(record_of(cured()), run=number),
        replace(record_of(gap), run=number),
    )
    assert (run.command, Path(run.out).is_absolute()) == ("drillbook run", True)
    first, second = run.drills
    assert (first.durations.ttr, first.durations.error_s) == (cured().durations.ttr, 0.25)
    assert first.at == "abababab*"
    assert second.at == "sha256:5f5f5f5f"


def test_a_machine_class_is_of_what_times_hang_on_and_not_known_where_it_is_not_on_file() -> None:
    assert record_of(cured()).machine_class == "2 cores x86_64, postgres 18.6, redis 6.2.5"
    assert record_of(cured(machine=None)).machine_class is None


def test_runs_come_the_newest_first_and_drills_the_oldest_first(history: History) -> None:
    for day in ("01", "02", "03"):
        other = cured(variant="other-role", started=f"2026-01-{day}T01:00:00+00:00")
        history.record([cured(started=f"2026-01-{day}T00:00:00+00:00"), other], command="", out=Path())
    assert [run.id for run in history.runs(limit=2)] == [3, 2]
    assert len(history.runs()) == 3
    idle = history.drills(scenario="stuck-transactions", variant="idle-past-threshold", limit=2)
    assert [record.started[:10] for record in idle] == ["2026-01-02", "2026-01-03"]
    assert len(history.drills(scenario="stuck-transactions")) == len(history.drills()) == 6
    assert history.drills(scenario="service-down") == []
    assert len(history.of_runbook("5f" * 32)) == 6
    assert history.of_runbook("00" * 32) == []
    assert history.runbook_paths() == ["on-call/runbook.md"]
    assert history.run(4) is None


def test_to_look_at_a_history_that_is_not_there_makes_nothing(history: History) -> None:
    assert (history.runs(), history.drills(), history.run(1), history.runbook_paths()) == ([], [], None, [])
    assert not history.path.parent.exists()


def _record_some(path: Path, number: int, together: Barrier) -> None:
    together.wait(30)
    for n in range(RUNS_EACH):
        made = [cured(seed=100 * number + n, variant=f"v{k}") for k in range(3)]
        History(path).record(made, command=f"{number}", out=Path())


def test_several_processes_that_begin_a_history_and_write_it_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / NAME
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(PROCESSES)
    writers = [spawn.Process(target=_record_some, args=(path, n, together)) for n in range(PROCESSES)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * PROCESSES
    runs = History(path).runs()
    assert len(runs) == PROCESSES * RUNS_EACH
    seeds = [{drill.seed for drill in run.drills} for run in runs]
    assert all(len(run.drills) == 3 for run in runs)  # of each run all or nothing
    assert {seed for found in seeds for seed in found} == {
        100 * number + n for number in range(PROCESSES) for n in range(RUNS_EACH)
    }
    assert all(len(found) == 1 for found in seeds)


def test_readers_and_a_writer_do_not_wait_for_one_another(history: History) -> None:
    history.record([cured()], command="", out=Path())
    other = sqlite3.connect(history.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM drills")
    assert len(history.drills()) == 1
    other.execute("COMMIT")
    other.execute("BEGIN")
    assert other.execute("SELECT count(*) FROM drills").fetchone() == (0,)
    history.record([cured()], command="", out=Path())
    assert other.execute("SELECT count(*) FROM drills").fetchone() == (0,)
    other.execute("COMMIT")
    other.close()
    assert len(history.drills()) == 1


def test_a_later_version_takes_over_what_an_earlier_one_wrote(history: History) -> None:
    history.record([cured()], command="", out=Path())
    later = (*MIGRATIONS, ("ALTER TABLE drills ADD COLUMN mood TEXT",), ("UPDATE drills SET mood = 'calm'",))
    assert len(History(history.path, migrations=later).drills()) == 1
    with sqlite3.connect(history.path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 2,)
        assert connection.execute("SELECT mood FROM drills").fetchall() == [("calm",)]
    connection.close()


def test_a_migration_that_fails_leaves_everything_as_it_was(history: History) -> None:
    history.record([cured()], command="", out=Path())
    broken = (*MIGRATIONS, ("ALTER TABLE drills ADD COLUMN mood TEXT", "UPDATE nowhere SET mood = 'calm'"))
    with pytest.raises(InputError, match="no such table: nowhere"):
        History(history.path, migrations=broken).drills()
    assert len(history.drills()) == 1
    mended = (*MIGRATIONS, broken[-1][:1])  # whose column would be there twice
    assert len(History(history.path, migrations=mended).drills()) == 1


def test_a_history_of_a_newer_version_is_left_alone(history: History) -> None:
    later = (*MIGRATIONS, ("CREATE TABLE moods (mood TEXT)",))
    History(history.path, migrations=later).record([cured()], command="", out=Path())
    with pytest.raises(InputError, match="is of a newer drillbook") as refused:
        history.record([cured()], command="", out=Path())
    assert "update drillbook" in refused.value.render()


def test_a_file_that_is_no_history_is_refused_in_one_line_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("what to buy " * 100)
    with pytest.raises(InputError, match="can't be used as the history: file is not a database"):
        History(path).record([cured()], command="", out=Path())
    assert path.read_text() == "what to buy " * 100


def test_a_name_that_can_t_be_looked_at_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / ("long" * 100)))
    assert History(place()).runs() == []
    with pytest.raises(InputError, match="can't be used as the history: unable to open"):
        History(place()).record([cured()], command="", out=Path())


def test_a_folder_that_can_t_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't be made"):
        History(tmp_path / "file" / "history" / NAME).record([cured()], command="", out=Path())


def test_the_history_is_where_the_variable_says_or_the_project_has_a_folder_or_with_the_user_s_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    project = tmp_path / "above" / "project"
    inner = project / "on call"
    inner.mkdir(parents=True)
    (project / ".git").mkdir()
    (tmp_path / "above" / FOLDER).mkdir()  # above the project's top: not its own
    assert place(inner).name == NAME
    assert project not in place(inner).parents
    assert tmp_path / "above" / FOLDER not in place(inner).parents
    (project / FOLDER).mkdir()
    assert place(inner) == project.resolve() / FOLDER / NAME
    monkeypatch.setenv(VARIABLE, str(tmp_path / "elsewhere.sqlite3"))
    assert place(inner) == tmp_path / "elsewhere.sqlite3"
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(InputError, match="names a folder"):
        place(inner)
