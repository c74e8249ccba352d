"""What the tests of coverage share: a runbook on file, drills on it, and what they say of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tests.journals import QUERY, Story, drill, runbook, start

from drillbook.events import DrillStarted
from drillbook.model import Runbook
from drillbook.reporting.coverage import Coverage, cover
from drillbook.reporting.usage import Use, read_drilled
from drillbook.result import result

TEXT = f"""\
# On call

| SEV1 | Outage | 15 min |

Who is on call looks here.


## Locks in the database

```bash
# Check the connection
psql $DATABASE_URL -c "SELECT 1"

# Kill stuck queries
{QUERY}
```

1. Identify long-running queries
"""


def book(path: Path, text: str = TEXT) -> Runbook:
    """The runbook of `tests.journals`, as a file at `path`."""
    path.write_bytes(text.encode())
    return replace(runbook(), path=str(path), sha256=hashlib.sha256(text.encode()).hexdigest())


def begun(folder: Path, **changes: object) -> DrillStarted:
    """The start of a drill on the runbook in `folder`, which needs no control."""
    return start(book(folder / "on-call.md"), **{"control": False, **changes})


def covered(folder: Path, stories: Mapping[str, Story]) -> Coverage:
    """The coverage of drills whose journals are `stories`, by the name of their run directory in `folder`."""
    for name, story in stories.items():
        story.write(folder / name / "journal.jsonl")
    return cover([read_drilled(folder / name, result(folder / name)) for name in stories])


def states(coverage: Coverage) -> dict[int, Use]:
    """What the steps came to, by their lines."""
    return {told.step.line: told.use for told in coverage.steps}


def one_drill(folder: Path, story: Story | None = None, **changes: object) -> Coverage:
    """The coverage of one drill; `changes` are of its start."""
    first = begun(folder, **changes)
    return covered(folder, {"one": (story or drill()).swap(DrillStarted, lambda _: first)})
