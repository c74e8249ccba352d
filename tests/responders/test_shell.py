"""The on-call shell: literal commands, deadlines, process groups, long output."""

import asyncio
import time
from pathlib import Path

import psutil

from drillbook.responders.shell import KEEP, Completed, OperatorShell

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "GREETING": "hello"}


def run(command: str, folder: Path, *, deadline_s: float = 10.0, stdin: str = "") -> Completed:
    return asyncio.run(OperatorShell(ENVIRONMENT, folder).run(command, deadline_s=deadline_s, stdin=stdin))


def ends(pid: int, deadline_s: float = 5.0) -> bool:
    """Whether the process `pid`, which was killed, is gone (or a zombie) soon: the kernel takes a moment."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
    return False


def test_a_command_runs_literally_and_sees_only_the_environment_it_is_given(tmp_path: Path) -> None:
    done = run('echo "$GREETING $HOME|"; pwd; exit 7', tmp_path)
    assert done.stdout == f"hello |\n{tmp_path}\n"
    assert done.exit_code == 7
    assert not done.timed_out


def test_its_two_streams_are_kept_apart(tmp_path: Path) -> None:
    done = run("echo out; echo err >&2", tmp_path)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_at_its_deadline_the_whole_process_group_is_killed(tmp_path: Path) -> None:
    began = time.monotonic()
    done = run("sleep 300 & echo $!; sleep 300", tmp_path, deadline_s=0.5)
    assert done.timed_out
    assert done.exit_code is None
    assert time.monotonic() - began < 5
    assert ends(int(done.stdout))


def test_what_a_command_leaves_in_the_background_ends_with_it(tmp_path: Path) -> None:
    began = time.monotonic()
    done = run("sleep 300 & echo $!", tmp_path)
    assert done.exit_code == 0
    assert time.monotonic() - began < 5
    assert ends(int(done.stdout))


def test_long_output_keeps_its_head_and_its_tail(tmp_path: Path) -> None:
    done = run("echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last", tmp_path)
    assert done.stdout.startswith("first\n")
    assert done.stdout.endswith("\nlast\n")
    assert "bytes left out" in done.stdout
    assert len(done.stdout) < KEEP + 100


def test_output_that_is_no_text_is_kept_readable(tmp_path: Path) -> None:
    assert run("printf '\\377ok'", tmp_path).stdout == "\ufffdok"


def test_a_command_that_does_not_read_its_input_is_not_hurt_by_it(tmp_path: Path) -> None:
    assert run("true", tmp_path, stdin="x" * 1_000_000).exit_code == 0


def test_a_command_reads_what_it_is_given(tmp_path: Path) -> None:
    assert run("cat", tmp_path, stdin="the incident").stdout == "the incident"
