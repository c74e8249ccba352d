"""Where the files that come with drillbook are."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook import library
from drillbook.errors import StackError


def test_in_a_checkout_the_folders_at_its_top_are_the_library() -> None:
    top = Path(__file__).parents[1]
    assert library.drills_dir() == top / "drills"
    assert library.scenarios_dir() == top / "scenarios"
    assert library.reports_dir() == top / "reports"


def test_what_is_packaged_comes_before_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "harness" / "drillbook"
    packaged = package / "_library" / "drills"
    packaged.mkdir(parents=True)
    (tmp_path / "drills").mkdir()
    (tmp_path / "reports").mkdir()
    monkeypatch.setattr(library, "_PACKAGE", package)
    assert library.drills_dir() == packaged
    assert library.reports_dir() == tmp_path / "reports"


def test_a_library_that_is_nowhere_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_PACKAGE", tmp_path / "a" / "b")
    with pytest.raises(StackError, match="scenarios/ is missing"):
        library.scenarios_dir()
