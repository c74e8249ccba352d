"""The machine that is measured on, and how busy it is with other things."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import time
from pathlib import Path

import psutil

from drillbook import __version__, tools

LOOK_S = 0.1
QUIET_PERCENT = 10.0


class Others:
    """How busy others keep the processors: looked at before each measurement, while nothing of ours runs.

    Args:
        patience_s: how long to wait in all for them to be done.
    """

    def __init__(self, patience_s: float) -> None:
        self._looks: list[float] = []
        self._patience_s = patience_s
        self._load_before = os.getloadavg()[0]

    def wait_until_quiet(self) -> None:
        """Look until they are quiet, or patience is at an end; what was seen last is what counts."""
        began = time.monotonic()
        while (busy := psutil.cpu_percent(interval=LOOK_S)) > QUIET_PERCENT and self._patience_s > 0:
            now = time.monotonic()
            self._patience_s -= now - began
            began = now
        self._looks.append(busy)

    def describe(self) -> str:
        """What was seen, and whether the figures can be trusted."""
        median, most = statistics.median(self._looks), max(self._looks)
        trust = "quiet" if median <= QUIET_PERCENT else "NOT QUIET: run it again"
        load = f"load average {self._load_before:.2f} before, {os.getloadavg()[0]:.2f} after"
        return (
            f"{trust}\n(others took {median:.0f} % of it between measurements, at most {most:.0f} %; {load})"
        )


def describe() -> str:
    """Cores, processor, memory and system."""
    memory = psutil.virtual_memory().total / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}"
    return f"{cores} cores ({_processor()}), {memory:.0f} GiB, {system}"


def versions() -> str:
    """What is measured, and with what."""
    found = {
        "Drillbook": __version__,
        "Python": platform.python_version(),
        "PostgreSQL": tools.find("postgres").version,
        "Redis": tools.find("redis-server").version,
        "Chaos Toolkit": importlib.metadata.version("chaostoolkit"),
    }
    return ", ".join(f"{name} {version}" for name, version in found.items())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown")
