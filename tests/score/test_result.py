from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.journals import control, drill, start

from drillbook.errors import JournalError
from drillbook.model import Verdict
from drillbook.result import document, result

CONTRACT = {
    *("scenario", "variant", "responder", "backend", "runbook", "severity", "verdict", "reason", "known_gap"),
    *("clocks", "durations", "error_s", "control", "steps", "invariants", "findings", "score", "seed"),
    *("versions", "run_dir"),
}


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    drill().write(tmp_path / "journal.jsonl")
    control().write(tmp_path / "control" / "journal.jsonl")
    return tmp_path


def test_a_result_is_made_from_the_journals_of_a_run_directory(run_dir: Path) -> None:
    made = result(run_dir)
    assert made.verdict is Verdict.RESOLVED
    assert made.expected
    assert made.control is not None
    assert made.control.verdict is Verdict.NOT_RESOLVED
    assert made.control.watched_s == pytest.approx(9.0, abs=0.1)


def test_the_json_document_keeps_to_its_contract(run_dir: Path) -> None:
    data = json.loads(json.dumps(document([result(run_dir)])))
    assert data["schema"] == 1
    one = data["drills"][0]
    assert one.keys() >= CONTRACT
    assert one["runbook"] == {"path": "on-call.md", "sha256": "5f" * 32}
    assert one["durations"].keys() == {"ttd", "tta", "ttm", "ttr"}
    assert list(one["clocks"])[:3] == ["inject", "impact", "detect"]
    assert one["clocks"]["impact"] == pytest.approx(4.6)
    assert one["error_s"] == 0.25
    assert one["control"]["verdict"] == "NOT_RESOLVED"
    step = one["steps"][1]
    assert {"line", "section", "text", "command", "kind", "exit_code", "seconds", "effect"} <= step.keys()
    assert (step["line"], step["kind"], step["exit_code"], step["effect"]) == (15, "command", 0, "cured")
    assert one["steps"][2]["skipped"] == "the SLIs hold"
    assert one["invariants"][0].keys() == {"name", "held", "detail"}
    assert one["findings"][0].keys() == {"rule", "line", "level", "message"}
    assert one["score"]["total"] == 100.0
    assert one["score"]["parts"][0].keys() == {"name", "points", "maximum", "why"}


def test_a_control_that_was_wanted_and_left_no_journal_leaves_no_say(tmp_path: Path) -> None:
    drill().write(tmp_path / "journal.jsonl")
    assert result(tmp_path).verdict is Verdict.INFRA_ERROR


def test_a_drill_that_was_to_have_no_control_says_so(tmp_path: Path) -> None:
    drill(first=start(control=False)).write(tmp_path / "journal.jsonl")
    made = result(tmp_path)
    assert made.verdict is Verdict.RESOLVED
    assert "no control was run" in made.reason


def test_a_directory_without_a_journal_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"journal\.jsonl"):
        result(tmp_path)


def test_a_journal_that_was_killed_at_once_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(b'{"seq":1,"t"')
    with pytest.raises(JournalError, match="does not begin with the start"):
        result(tmp_path)
