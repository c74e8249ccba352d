"""What holds a replica to its limits, with real processes that eat memory and processor time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest
from tests.platforms.world import until

from drillbook.platforms.governor import Governor, Meter
from drillbook.protocols import Limits

pytestmark = pytest.mark.whole

EAT = "import time; held = [b'x' * 1_000_000 for _ in range({mb})]; time.sleep(60)"
SPIN = "while True: pass"
CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


@contextmanager
def running(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", *argv], start_new_session=True) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class Held:
    """A governor at work on one process, with limits that can be changed."""

    def __init__(self, pid: int, limits: Limits) -> None:
        self.limits = limits
        self.meter = Meter()
        self.errors: list[BaseException] = []
        self.governor = Governor(pid, lambda: self.limits, self.meter, self.errors.append)


def cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def test_a_process_beyond_its_memory_limit_is_killed() -> None:
    async def watch(process: subprocess.Popen[bytes]) -> Held:
        held = Held(process.pid, Limits(memory_mb=60))
        held.governor.start()
        await until(lambda: process.poll() is not None, "the process is killed")
        await held.governor.stop()
        return held

    with running(EAT.format(mb=100)) as process:
        held = asyncio.run(watch(process))
        assert process.returncode == -9
    assert held.governor.verdict.startswith("was killed: out of memory, ")
    assert held.governor.verdict.endswith(" MB of 60 MB")
    assert (held.meter.kills, held.errors) == (1, [])
    assert held.meter.killed is not None


def test_what_a_process_starts_counts_as_its_own() -> None:
    async def watch(process: subprocess.Popen[bytes]) -> Held:
        held = Held(process.pid, Limits(memory_mb=60))
        held.governor.start()
        await until(lambda: process.poll() is not None, "the parent is killed for its child")
        await held.governor.stop()
        return held

    with running(CHILD, EAT.format(mb=100)) as process:
        held = asyncio.run(watch(process))
    assert "out of memory" in held.governor.verdict


def test_a_process_within_its_limit_lives_and_is_measured() -> None:
    async def watch(process: subprocess.Popen[bytes]) -> Held:
        held = Held(process.pid, Limits(memory_mb=200))
        held.governor.start()
        await until(lambda: held.meter.memory_mb.current > 50, "its memory is measured")
        await held.governor.stop()
        return held

    with running(EAT.format(mb=50)) as process:
        held = asyncio.run(watch(process))
        assert process.poll() is None
    assert held.governor.verdict == ""
    assert 50 < held.meter.memory_mb.largest < 90
    assert 0 < held.meter.memory_mb.mean <= held.meter.memory_mb.largest


def test_a_process_gets_no_more_processor_time_than_its_quota() -> None:
    async def share(pid: int, seconds: float) -> float:
        before, began = cpu_s(pid), time.monotonic()
        await asyncio.sleep(seconds)
        return (cpu_s(pid) - before) / (time.monotonic() - began)

    async def watch(process: subprocess.Popen[bytes]) -> tuple[float, Held]:
        held = Held(process.pid, Limits(cpu=0.2))
        held.governor.start()
        seen = psutil.Process(process.pid)
        await until(lambda: seen.status() == psutil.STATUS_STOPPED, "it is held back")
        throttled = await share(process.pid, 1.5)
        held.limits = Limits()
        await until(lambda: seen.status() != psutil.STATUS_STOPPED, "it goes on")
        for _ in range(50):
            assert seen.status() != psutil.STATUS_STOPPED, "nothing holds it back without a limit"
            await asyncio.sleep(0.01)
        await held.governor.stop()
        return throttled, held

    with running(SPIN) as process:
        throttled, held = asyncio.run(watch(process))
    assert throttled < 0.3, "a fifth of a processor, whatever else the machine does"
    assert held.errors == []


def test_what_was_stopped_for_its_quota_goes_on_when_nobody_watches_any_more() -> None:
    async def watch(process: subprocess.Popen[bytes]) -> None:
        held = Held(process.pid, Limits(cpu=0.01))
        held.governor.start()
        own = psutil.Process(process.pid)
        await until(lambda: own.status() == psutil.STATUS_STOPPED, "it is stopped")
        await held.governor.stop()
        assert own.status() != psutil.STATUS_STOPPED
        await held.governor.stop()

    with running(SPIN) as process:
        asyncio.run(watch(process))
