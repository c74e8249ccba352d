"""Where the packages come from, and what is left when their file system can't be made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from drillbook.docker import bootstrap, recipe
from drillbook.docker.bootstrap import Source, sources, sources_list
from drillbook.docker.recipe import RELEASES
from drillbook.errors import StackError

BOOKWORM = RELEASES["bookworm"]
TARGETS = """\
http://mirror.example/debian/|bookworm|stable|main|Debian
http://mirror.example/debian/|bookworm|stable|contrib|Debian
http://mirror.example/debian/|bookworm-updates|bookworm-updates|main|Debian
https://mirror.example/security|bookworm-security|bookworm-security|main|Debian
http://mirror.example/debian/|trixie|trixie|main|Debian
http://elsewhere.example/apt|bookworm|bookworm|main|Elsewhere
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of stand-ins for this machine's programs, before all others."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setattr(bootstrap, "cache_dir", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)


def apt(folder: Path, targets: str = TARGETS) -> None:
    (folder / "targets").write_text(targets, "utf-8")
    program(folder, "apt-get", f"cat {folder}/targets")
    program(
        folder,
        "apt-config",
        "echo 'Acquire::http::Proxy \"http://proxy.example\";'; echo 'DPkg::Pre-Install-Pkgs \"changes\";'",
    )


def test_packages_come_from_where_this_machines_own_apt_takes_them(programs: Path) -> None:
    apt(programs)
    assert sources(BOOKWORM) == [
        Source("http://mirror.example/debian", "stable", "bookworm"),
        Source("https://mirror.example/security", "bookworm-security", "bookworm-security"),
        Source("http://mirror.example/debian", "bookworm-updates", "bookworm-updates"),
    ]


def test_a_machine_of_another_release_has_no_place_for_this_one(programs: Path) -> None:
    apt(programs, "http://mirror.example/debian/|trixie|trixie|main|Debian\n")
    assert sources(BOOKWORM) == []


def test_a_machine_without_apt_has_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sources(BOOKWORM) == []


def test_an_apt_without_lists_is_to_be_updated(programs: Path) -> None:
    apt(programs, "")
    with pytest.raises(StackError) as caught:
        sources(BOOKWORM)
    assert caught.value.hint == "apt-get update"


def test_an_apt_that_fails_says_why(programs: Path) -> None:
    program(programs, "apt-get", "echo 'E: no such file' >&2; exit 100")
    with pytest.raises(StackError, match="apt-get failed: E: no such file"):
        sources(BOOKWORM)


def test_the_list_of_sources_is_signed_by_debian() -> None:
    assert sources_list([Source("http://mirror.example/debian", "bookworm", "bookworm")]) == (
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
        " http://mirror.example/debian bookworm main\n"
    )


def test_of_apts_settings_only_those_that_reach_a_mirror_are_taken(programs: Path, tmp_path: Path) -> None:
    apt(programs)
    bootstrap._write_settings(tmp_path, sources(BOOKWORM))
    text = (tmp_path / "apt/apt.conf.d/99drillbook").read_text("utf-8")
    assert "proxy.example" in text
    assert "changes" not in text
    assert "force-unsafe-io" in (tmp_path / "dpkg.cfg").read_text("utf-8")


def test_a_file_system_is_made_in_memory_only_where_there_is_plenty(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt(programs)
    for megabytes in (1000, 8000):
        monkeypatch.setattr(bootstrap, "_memory_mb", lambda free=megabytes: free)
        folder = tmp_path / str(megabytes)
        folder.mkdir()
        bootstrap._write_settings(folder, [])
        assert (folder / "in-memory").exists() is (megabytes == 8000)


@pytest.mark.parametrize("stops", ["another user", "no program", "another system"])
def test_where_none_can_be_made_the_reason_comes_with_a_remedy(
    stops: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000 if stops == "another user" else 0)
    if stops == "no program":
        monkeypatch.setenv("PATH", str(tmp_path))
    if stops == "another system":
        monkeypatch.setattr(sys, "platform", "darwin")
    expected = {"another user": "sudo", "no program": "apt-get install debootstrap", "another system": "copy"}
    with pytest.raises(StackError, match="the Debian set can't be made: ") as caught:
        bootstrap.make(BOOKWORM, print)
    assert expected[stops] in (caught.value.hint or "")


@pytest.fixture
def able(programs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that could make one, but for its `unshare`, which is the test's to write."""
    apt(programs)
    monkeypatch.setattr(bootstrap, "reason_against", lambda: None)
    return programs


def test_the_script_gets_the_mirror_and_the_packages_and_its_output_is_kept(able: Path, cache: Path) -> None:
    program(able, "unshare", 'echo "$@"; echo "drillbook: the packages" >&2')
    said: list[str] = []
    place = bootstrap.make(BOOKWORM, said.append)
    words = place.read_text("utf-8").split()
    assert words[:6] == ["--mount", "--pid", "--fork", "--kill-child", "sh", str(recipe.bootstrap_script())]
    assert words[7] == "bookworm"
    assert words[9] == "http://mirror.example/debian"
    assert words[10:] == recipe.packages(BOOKWORM)
    assert said == ["the packages"]
    assert place.parent == cache


def test_a_failure_is_told_by_the_last_word_of_apt_and_leaves_no_file(able: Path, cache: Path) -> None:
    program(
        able, "unshare", "echo half; echo 'E: Unable to locate package cowsay' >&2; echo bye >&2; exit 100"
    )
    with pytest.raises(StackError, match="can't be made: E: Unable to locate package cowsay") as caught:
        bootstrap.make(BOOKWORM, print)
    assert caught.value.hint == f"see {cache / 'build.log'}"
    assert [path.name for path in cache.iterdir()] == ["build.log"]


def test_what_hangs_is_ended_at_the_deadline_with_all_its_processes(
    able: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "DEADLINE_S", 1.0)
    program(able, "unshare", f"sleep 600 & echo $! > {able}/pid; wait")
    began = time.monotonic()
    with pytest.raises(StackError, match="not made within 1 s"):
        bootstrap.make(BOOKWORM, print)
    assert time.monotonic() - began < 30
    child = int((able / "pid").read_text("utf-8"))
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
    assert not list(cache.glob(".making-*"))


def test_a_new_file_system_takes_the_place_of_an_older_recipes(able: Path, cache: Path) -> None:
    cache.mkdir()
    older = cache / f"debian-bookworm-{recipe.machine()}-0123456789ab.tar"
    other = cache / f"debian-trixie-{recipe.machine()}-0123456789ab.tar"
    older.touch()
    other.touch()
    program(able, "unshare", "echo made")
    place = bootstrap.make(BOOKWORM, print)
    assert sorted(cache.glob("*.tar")) == sorted([place, other])


def test_the_script_stops_at_its_first_failure_and_writes_no_tar(tmp_path: Path) -> None:
    # As nobody may, in no namespace of its own: mounting is the first thing that it does.
    done = subprocess.run(
        [
            "unshare",
            "--user",
            "sh",
            str(recipe.bootstrap_script()),
            str(tmp_path),
            "bookworm",
            str(tmp_path),
            "",
        ],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode not in (0, -signal.SIGKILL)
    assert done.stdout == b""
    assert not list(tmp_path.iterdir())
