"""What is no runbook is refused with one line that names the file and the way out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drillbook.errors import InputError
from drillbook.model import ExitCode
from drillbook.runbook.parse import parse_runbook
from drillbook.runbook.source import MAX_BYTES


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        parse_runbook(path)
    said = caught.value.render()
    assert caught.value.exit_code is ExitCode.USAGE
    assert "\n" not in said
    return said.removeprefix(str(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ": is empty (write the first step)"),
        (b"\xef\xbb\xbf \r\n\t\n", ": is empty (write the first step)"),
        (b"\x89PNG\r\n\x1a\n\x00", ": is a binary file, not Markdown (save it as UTF-8 text)"),
        ("# T\n".encode("utf-16"), ": is a binary file, not Markdown (save it as UTF-8 text)"),
        (b"# T\n\nR\xe9sum\xe9\n", ":3: is not UTF-8 (save it as UTF-8)"),
        (b"a" * (MAX_BYTES + 1), ": is larger than 5 MB (split the runbook)"),
    ],
    ids=["empty", "blank", "binary", "UTF-16", "Latin-1", "huge"],
)
def test_what_is_no_markdown_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.md"
    path.write_bytes(content)
    assert refused(path) == said


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path) == ": is a directory, not a runbook (name the Markdown file in it)"
    assert refused(tmp_path / "none.md") == ": no such runbook (check the path)"
    os.mkfifo(tmp_path / "pipe.md")
    assert refused(tmp_path / "pipe.md") == ": is not a regular file (name a Markdown file)"


def test_the_largest_file_that_is_allowed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.md"
    path.write_bytes(b"# T\n" + b"a" * (MAX_BYTES - 4))
    assert parse_runbook(path).title == "T"
