"""Runs the suite in two parts.

First most of it, side by side; then, a test at a time, what needs the whole machine. Arguments go to pytest,
such as `-k sandbox`. What they name may be in one part only.
"""

from __future__ import annotations

import subprocess
import sys

PARTS = (
    # As many at a time as there are cores, like the drills of a run. A file stays together, for its tests may
    # share a run.
    ["-m", "not whole", "--numprocesses", "auto", "--dist", "loadfile"],
    ["-m", "whole"],
)
SLOWEST = ("--durations", "12", "--durations-min", "2")
_PASSED, _NO_TESTS = 0, 5


def main(arguments: list[str]) -> int:
    """Run each part; the code of the first that failed, or pytest's for no tests where there are none."""
    codes = [
        subprocess.run([sys.executable, "-m", "pytest", *SLOWEST, *part, *arguments], check=False).returncode
        for part in PARTS
    ]
    failed = [code for code in codes if code not in (_PASSED, _NO_TESTS)]
    if failed:
        return failed[0]
    return _PASSED if _PASSED in codes else _NO_TESTS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
