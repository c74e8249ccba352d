"""A flood ends with its drill, whatever ends the drill."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess

import pytest
from tests.functional.conftest import COMMAND, Team, left_behind, wait_for

RUNBOOK = "# Shop\n\n## Rate Limits\n\n1. Look\n"
PLAN = """\
runbook: runbook.md
drills:
  - scenario: rate-limiting
    section: Rate Limits
    variants:
      bot-one-address: {}
"""


@pytest.mark.parametrize("flag", ["", "--no-sandbox"], ids=["sandboxed", "unconfined"])
def test_after_sigkill_nobody_of_a_flood_is_left(team: Team, flag: str) -> None:
    (team.folder / "runbook.md").write_text(RUNBOOK)
    (team.folder / "plan.yaml").write_text(PLAN)
    argv = [str(COMMAND), "run", "plan.yaml", "--responder", "none", "--out", "out", *filter(None, [flag])]
    journal = team.folder / "out" / "rate-limiting--bot-one-address" / "journal.jsonl"
    with subprocess.Popen(
        argv, cwd=team.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            wait_for(lambda: journal.exists() and '"kind":"flood"' in journal.read_text(), "the flood comes")
            mark = str(json.loads((team.folder / "out" / "run.json").read_text())["mark"])
            assert any("floods/scraper.py" in line for line in left_behind(mark))
            process.kill()
            wait_for(lambda: left_behind(mark) == [], "everything has ended", 20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
