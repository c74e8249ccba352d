"""A small plan with its runbook, and results made from hand-written journals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.journals import control, drill, start

from drillbook.model import Effect, StepKind, Verdict
from drillbook.plan import Plan, load_plan
from drillbook.result import DrillResult, StepResult, result_of

RUNBOOK = """\
# Orders

## Database Issues

```bash
# Check connection
$ railway run psql $DATABASE_URL -c "SELECT 1"

# Kill stuck transactions (if needed)
$ railway run psql $DATABASE_URL -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \\
    WHERE state = 'idle in transaction' AND query_start < now() - interval '10 minutes'"
```

1. Count what is left
2. Run `railway rollback` if needed
3. Tell the others
"""
PLAN = """\
runbook: runbook.md
bindings:
  - {section: Database Issues, step: Count what is left, expect: rows,
     run: 'psql $DATABASE_URL -c "SELECT count(*) FROM pg_stat_activity WHERE pid > 10"'}
  - {section: Database Issues, step: Tell the others, manual: a human talks}
drills:
  - scenario: stuck-transactions
    section: Database Issues
    variants: {idle-past-threshold: {}}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A plan for a runbook with a step on one line, one on two, one in prose and one in a sentence."""
    (tmp_path / "runbook.md").write_text(RUNBOOK)
    (tmp_path / "plan.yaml").write_text(PLAN)
    return load_plan(tmp_path / "plan.yaml")


def a_step(line: int, effect: Effect | None = Effect.NONE, *, changes: bool = True) -> StepResult:
    """A step that was carried out."""
    return StepResult(
        line, (), f"step {line}", "ls", StepKind.COMMAND, 0, 0.1, effect, "ls", state_changing=changes
    )


def skipped(line: int, why: str) -> StepResult:
    """A step that was not."""
    return StepResult(line, (), f"step {line}", "ls", StepKind.COMMAND, skipped=why)


def resolved(*steps: StepResult, folder: str = "whole") -> DrillResult:
    """A drill that was RESOLVED, with `steps` or else with its story's."""
    made = result_of(drill().entries(), control().entries(), run_dir=folder)
    assert made.verdict is Verdict.RESOLVED
    return replace(made, steps=steps) if steps else made


def failed(*steps: StepResult, verdict: Verdict = Verdict.NOT_RESOLVED, folder: str = "other") -> DrillResult:
    """A drill that was not."""
    story = drill(first=start(control=False), cured_at=None, cause="present")
    made = result_of(story.entries(), None, run_dir=folder)
    assert made.verdict is Verdict.NOT_RESOLVED
    return replace(made, verdict=verdict, steps=steps or made.steps)
