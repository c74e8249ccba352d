"""A runbook and a plan beside it, to be changed at will."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from drillbook.plan import Plan, load_plan

RUNBOOK = """# On call

## Locks in the database

```bash
# Does it answer?
psql $DATABASE_URL -c "SELECT 1"

# End one session
psql $DATABASE_URL -c "SELECT pg_terminate_backend(<pid>)"
```

## 4. Pool is full

1. Count the sessions
2. Raise the pool size (temporary)
3. Raise the limit
"""

PLAN = """runbook: on-call.md
drills:
  - scenario: stuck-transactions
    section: Locks in the database
    variants:
      idle-past-threshold: {}
      savepoint-aborted: {known_gap: it is aborted}
"""

Load = Callable[[str], Plan]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a plan from its text, with the runbook beside it."""
    (tmp_path / "on-call.md").write_text(RUNBOOK)

    def load_text(text: str) -> Plan:
        file = tmp_path / "plan.yaml"
        file.write_text(text)
        return load_plan(file)

    return load_text
