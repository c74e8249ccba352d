"""The harness's own code in containers: enough of it to run, and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h11
import pytest

from drillbook.backends.containers import code


@pytest.mark.parametrize("module", ["drillbook.platforms.gate", "drillbook.responders.agent"])
def test_what_is_copied_is_enough_to_run(tmp_path: Path, module: str) -> None:
    (folder,) = code.package(tmp_path).values()
    assert isinstance(folder, Path)
    # -S -P and a path of its own: nothing of the checkout is found, and of what is installed only h11.
    installed = Path(h11.__file__).parents[1]
    path = [str(folder.parent), str(installed)]
    script = f"import sys, runpy; sys.path[:0] = {path!r}; runpy.run_module({module!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", script, "--help"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=tmp_path,
        env={},
    )
    assert done.returncode == 0, done.stderr
    assert "--listen" in done.stdout


def test_what_no_container_runs_is_not_copied(tmp_path: Path) -> None:
    (folder,) = code.package(tmp_path).values()
    assert isinstance(folder, Path)
    copied = {str(file.relative_to(folder)) for file in folder.rglob("*.py")}
    assert {"__init__.py", "platforms/gate.py", "platforms/railway_cli.py", "responders/agent.py"} <= copied
    assert not {"engine.py", "cli.py", "journal.py"} & copied
    assert code.package(tmp_path) == {"/drill/code/drillbook": folder}, "gathered once a drill"
