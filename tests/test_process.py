"""Programs that the harness starts: they are ready or say why not, and end as a whole group."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psutil
import pytest

from drillbook.errors import StackError
from drillbook.process import Process
from drillbook.waiting import until

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


async def never() -> bool:
    return False


def test_a_program_that_does_not_exist_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="can't start nothing"):
        asyncio.run(Process.start("nothing", ["/no/such/program"], log=tmp_path / "log", env={}))


def test_a_program_that_ends_too_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    async def check() -> None:
        argv = ["bash", "-c", "echo the port is taken >&2; exit 3"]
        process = await Process.start("server", argv, log=tmp_path / "log", env=ENVIRONMENT)
        with pytest.raises(StackError, match=r"server ended with exit code 3.*the port is taken"):
            await process.wait_until(never, deadline_s=10, what="listens")

    asyncio.run(check())


def test_a_program_that_is_not_ready_in_time_is_told_with_what_was_waited_for(tmp_path: Path) -> None:
    async def check() -> None:
        process = await Process.start("server", ["sleep", "60"], log=tmp_path / "log", env=ENVIRONMENT)
        with pytest.raises(StackError, match=r"not within 0\.1 s: server listens"):
            await process.wait_until(never, deadline_s=0.1, what="listens")
        await process.end()

    asyncio.run(check())


def test_the_whole_group_ends_even_if_it_will_not(tmp_path: Path) -> None:
    async def check() -> tuple[int, float]:
        script = "trap '' TERM; sleep 300 & echo $!; wait; sleep 300"
        argv = ["bash", "-c", script]
        process = await Process.start("stubborn", argv, log=tmp_path / "log", env=ENVIRONMENT)

        async def told() -> bool:
            return (tmp_path / "log").read_text().strip() != ""

        await until(told, deadline_s=10, what="the child is told")
        began = time.monotonic()
        await process.end(grace_s=0.2)
        await process.end()
        return int((tmp_path / "log").read_text()), time.monotonic() - began

    child, took = asyncio.run(check())
    assert took < 5
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_waiting_that_comes_to_nothing_says_what_did_not_come_about() -> None:
    with pytest.raises(StackError, match=r"not within 0\.05 s: the moon is blue"):
        asyncio.run(until(never, deadline_s=0.05, what="the moon is blue"))
