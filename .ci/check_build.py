"""Build the source distribution, the wheel from that, and look whether the wheel holds what it must."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

_DEADLINE_S = 300.0
_ROOT = Path(__file__).resolve().parent.parent
_LIBRARY = ("drills", "scenarios", "reports")
_LEFT_OUT = _ROOT / "reports" / "samples"
_MUST_HAVE = ("drillbook/py.typed", "drillbook/cli.py", "drillbook/_library/drills/incident-response.yaml")


def build(folder: Path) -> Path:
    """Build into `folder`; the wheel."""
    argv = [sys.executable, "-m", "build", "--outdir", str(folder), str(_ROOT)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    if done.returncode != 0:
        sys.exit(f"the build failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return next(folder.glob("*.whl"))


def missing(wheel: Path) -> list[str]:
    """What `wheel` should hold and does not."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    lacking = [name for name in _MUST_HAVE if name not in names]
    for part in _LIBRARY:
        files = [
            path
            for path in (_ROOT / part).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts and not path.is_relative_to(_LEFT_OUT)
        ]
        shown = [f"drillbook/_library/{part}/{path.relative_to(_ROOT / part).as_posix()}" for path in files]
        lacking += [name for name in shown if name not in names] or ([] if shown else [f"{part}/*"])
    return lacking


def superfluous(wheel: Path) -> list[str]:
    """What `wheel` holds and should not."""
    with zipfile.ZipFile(wheel) as archive:
        return [name for name in archive.namelist() if "/samples/" in name or "__pycache__" in name]


def main() -> None:
    """Build, look, and say what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = build(Path(folder))
        lacking = missing(wheel)
        if lacking:
            sys.exit(f"{wheel.name} lacks {', '.join(lacking)}")
        if superfluous(wheel):
            sys.exit(f"{wheel.name} should not hold {', '.join(superfluous(wheel))}")
        sys.stdout.write(f"{wheel.name} holds the package and its library\n")


if __name__ == "__main__":
    main()
