"""How long `drillbook --version` takes with everything installed, and how much of that is Python itself."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

COMMAND = Path(sys.executable).parent / "drillbook"


def version_s() -> float:
    """The wall time of one `drillbook --version`, in seconds."""
    return _wall_s([str(COMMAND), "--version"])


def python_s() -> float:
    """The wall time of a Python that does nothing, in seconds."""
    return _wall_s([sys.executable, "-c", "pass"])


def _wall_s(argv: Sequence[str]) -> float:
    began = time.monotonic()
    subprocess.run(argv, check=True, capture_output=True, timeout=30)
    return time.monotonic() - began
