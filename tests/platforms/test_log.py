"""The log of a deployment."""

from __future__ import annotations

from pathlib import Path

from drillbook.platforms.log import LONGEST_LINE, DeploymentLog, LineSplitter


def test_lines_are_whole_however_they_arrive(tmp_path: Path) -> None:
    log = DeploymentLog(tmp_path / "log")
    lines = LineSplitter(log)
    for piece in (b"on", b"e\ntwo\r\nth", b"r\xff", b"ee"):
        lines.feed(piece)
    lines.end()
    assert [line.text for line in log.tail(10)] == ["one", "two", "thr\ufffdee"]
    assert [line.text for line in log.tail(1)] == ["thr\ufffdee"]
    assert log.tail(0) == []
    log.close()


def test_an_endless_line_is_cut(tmp_path: Path) -> None:
    log = DeploymentLog(tmp_path / "log")
    LineSplitter(log).feed(b"x" * (LONGEST_LINE + 1))
    assert [len(line.text) for line in log.tail(10)] == [LONGEST_LINE]
    log.close()


def test_a_line_after_the_close_is_kept_at_hand(tmp_path: Path) -> None:
    log = DeploymentLog(tmp_path / "log")
    log.close()
    log.add("late")
    assert [line.text for line in log.tail(1)] == ["late"]
    assert (tmp_path / "log").read_text() == ""
