"""The journal: whole lines, masked secrets, a reader that forgives only what a killed writer leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drillbook.errors import JournalError
from drillbook.events import ErrorMet, FaultChanged, PhaseStarted, TrafficCounted
from drillbook.journal import Journal, events, read
from drillbook.model import Phase


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    traffic = TrafficCounted(1.0, 2.0, 10, 1, 0.1, None, {"HTTP 503": 1}, ("a", "b"))
    written = [journal.write(PhaseStarted(Phase.BOOT)), journal.write(traffic)]
    journal.close()
    entries = read(journal.path)
    assert [entry.event for entry in entries] == [PhaseStarted(Phase.BOOT), traffic]
    assert [entry.seq for entry in entries] == [1, 2]
    assert entries[0].t == pytest.approx(written[0].t, abs=1e-5)


def test_each_line_is_json_with_a_number_a_time_and_a_kind(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write(PhaseStarted(Phase.STEADY))
    journal.close()
    line = json.loads(journal.path.read_text())
    assert line.keys() == {"seq", "t", "wall", "kind", "phase"}
    assert (line["kind"], line["phase"]) == ("phase", "steady")


def test_a_secret_never_reaches_the_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.hide("hunter2hunter2")
    journal.write(ErrorMet(Phase.BOOT, "postgresql://app:hunter2hunter2@127.0.0.1 refused"))
    journal.close()
    assert "hunter2" not in journal.path.read_text()
    assert "app:***@" in journal.path.read_text()


def test_a_journal_is_never_written_over(tmp_path: Path) -> None:
    Journal(tmp_path / "journal.jsonl").close()
    with pytest.raises(JournalError, match="can't open"):
        Journal(tmp_path / "journal.jsonl")


def test_a_torn_last_line_is_passed_over_and_cut_off_when_the_journal_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.write(PhaseStarted(Phase.BOOT))
    journal.close()
    with path.open("a") as file:
        file.write('{"seq":2,"t":1.0,"wa')
    assert len(read(path)) == 1
    again = Journal.resume(path)
    again.write(PhaseStarted(Phase.STEADY))
    again.close()
    assert [entry.seq for entry in read(path)] == [1, 2]


def test_a_line_in_the_middle_that_is_no_entry_is_told_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.write(PhaseStarted(Phase.BOOT))
    journal.close()
    path.write_text("nonsense\n" + path.read_text())
    with pytest.raises(JournalError, match=r"journal\.jsonl:1: not a journal entry"):
        read(path)


def test_kinds_and_fields_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.write(FaultChanged("held", "intent"))
    journal.close()
    line = json.loads(path.read_text())
    later = [line | {"colour": "red"}, line | {"kind": "weather"}]
    path.write_text("".join(json.dumps(one) + "\n" for one in later))
    assert [event for _, event in events(read(path), FaultChanged)] == [FaultChanged("held", "intent")]
    assert len(read(path)) == 1


def test_output_that_is_no_valid_text_can_be_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write(ErrorMet(Phase.BOOT, "half a character: \ud83d"))
    journal.close()
    assert len(read(journal.path)) == 1


def test_a_writer_that_is_killed_leaves_every_entry_but_the_last_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    script = (
        "import sys, pathlib\n"
        "from drillbook.journal import Journal\n"
        "from drillbook.events import ErrorMet\n"
        "from drillbook.model import Phase\n"
        "journal = Journal(pathlib.Path(sys.argv[1]))\n"
        "while True: journal.write(ErrorMet(Phase.BOOT, 'x' * 5000))\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(path)])
    end = time.monotonic() + 20
    while not path.exists() or path.stat().st_size < 500_000:
        assert time.monotonic() < end
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait(10)
    entries = read(path)
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert len(entries) > 50
