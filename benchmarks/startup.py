"""How long `drillbook --version` takes, with everything installed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

COMMAND = Path(sys.executable).parent / "drillbook"


def measure(repeat: int) -> list[float]:
    """The wall times of `repeat` calls, in seconds."""
    times = []
    for _ in range(repeat):
        began = time.monotonic()
        subprocess.run([str(COMMAND), "--version"], check=True, capture_output=True, timeout=30)
        times.append(time.monotonic() - began)
    return times
