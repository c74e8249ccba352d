"""An app of a team's own, written for these tests: what the plan says of it is what is drilled."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from tests.functional.conftest import Team

APP = Path(__file__).parent / "notes" / "serve.py"
PLAN = f"""runbook: on-call.md
timing: {{probe_interval: 100ms, settle: 2s}}
traffic: {{users: 2}}
stack:
  name: notes
  command: {sys.executable} serve.py
  schema: schema.sql
  health: /health
  memory: 150MB
  env: {{DATABASE: "{{database_url}}", CACHE: "{{cache_url}}"}}
  probes: {{read: /note, write: {{path: /note, method: PUT}}}}
  releases:
    v1:
    v2: {{message: Say more}}
    v3: {{message: Start, bug: ends at boot, env: {{MISBEHAVES: at boot}}}}
    v4: {{message: Stay, bug: ends after boot, env: {{MISBEHAVES: later}}}}
    v5: {{message: Answer, bug: fails requests, env: {{MISBEHAVES: errors}}}}
    v6: {{message: Wait, bug: is slow, env: {{MISBEHAVES: slow}}}}
    v7: {{message: Keep, bug: leaks memory, env: {{MISBEHAVES: leak}}}}
  bad_variable: {{DATABASE: "host=127.0.0.1 port=1"}}
  invariants: {{notes are kept: SELECT count(*) FROM note}}
drills:
  - {{scenario: stuck-transactions, section: Everything}}
  - {{scenario: service-down, section: Everything}}
  - {{scenario: high-error-rate, section: Everything}}
  - {{scenario: high-latency, section: Everything}}
  - {{scenario: memory-exhaustion, section: Everything}}
  - {{scenario: redis-unavailable, section: Everything}}
"""
RUNBOOK = """# Notes

## Everything

```bash
railway rollback
psql $DATABASE_URL -c "{}"
```
"""


@pytest.fixture
def notes(team: Team) -> Team:
    """A repository with the app, its schema, a runbook and a plan."""
    shutil.copy(APP, team.folder)
    (team.folder / "schema.sql").write_text(
        "CREATE TABLE note (text text NOT NULL);\nINSERT INTO note VALUES ('a'), ('b');\n"
    )
    (team.folder / "on-call.md").write_text(RUNBOOK.format("SELECT 1"))
    (team.folder / "plan.yaml").write_text(PLAN)
    return team


@pytest.mark.parametrize(
    "name",
    [
        "service-down/previous-also-bad",
        "service-down/bad-variable",
        "high-error-rate/bad-release",
        "high-latency/bad-release",
        "memory-exhaustion/leak",
        "redis-unavailable/auth-rotated",
        "stuck-transactions/blocked-schema-change",
    ],
)
def test_what_cures_the_shop_cures_an_app_with_the_same_fault(notes: Team, name: str) -> None:
    drill = notes.drill("plan.yaml", name, "--responder", "reference", "--no-control")
    assert (drill["verdict"], drill["exit"]) == ("RESOLVED", 0), drill["reason"]


def test_a_release_that_is_bad_by_the_plan_is_rolled_back_by_the_runbook(notes: Team) -> None:
    drill = notes.drill("plan.yaml", "service-down/crash-at-boot")
    assert (drill["verdict"], drill["control"]["verdict"]) == ("RESOLVED", "NOT_RESOLVED"), drill["reason"]
    assert [(each["name"], each["detail"]) for each in drill["invariants"]][-1] == (
        "notes are kept",
        "2, and 2 before the fault",
    )


def test_a_cure_that_breaks_an_invariant_of_the_plan_is_harmful(notes: Team) -> None:
    runbook = notes.folder / "on-call.md"
    delete = 'psql $DATABASE_URL -c "DELETE FROM note WHERE ctid = (SELECT min(ctid) FROM note)"'
    runbook.write_text(f"# Notes\n\n## Everything\n\n```bash\n{delete}\nrailway rollback\n```\n")
    drill = notes.drill("plan.yaml", "service-down/crash-at-boot", "--no-control")
    assert drill["verdict"] == "HARMFUL", drill["reason"]
    assert "notes are kept broke: 1, and 2 before the fault" in drill["reason"]


def test_an_app_without_a_table_is_not_drilled_where_one_is_needed(notes: Team) -> None:
    (notes.folder / "schema.sql").write_text("SELECT 1;\n")
    plan = notes.folder / "plan.yaml"
    text = plan.read_text().replace(", write: {path: /note, method: PUT}", "")
    text = text.replace('CACHE: "{cache_url}"', 'CACHE: "{cache_url}", TABLE: "no"')
    plan.write_text(text.replace("  invariants: {notes are kept: SELECT count(*) FROM note}\n", ""))
    drill = notes.drill("plan.yaml", "stuck-transactions/idle-past-threshold")
    assert (drill["verdict"], drill["exit"]) == ("NOT_APPLICABLE", 5), drill["reason"]
    assert "the app has none in its database (needs: table)" in drill["reason"]


def test_a_schema_that_the_database_refuses_is_told_with_its_file(notes: Team) -> None:
    (notes.folder / "schema.sql").write_text("CREATE TABEL note;\n")
    drill = notes.drill("plan.yaml", "service-down/hung-process")
    assert (drill["verdict"], drill["exit"]) == ("INFRA_ERROR", 3)
    assert 'schema.sql: the schema can\'t be made: syntax error at or near "TABEL"' in drill["reason"]


COMPOSE = f"""services:
  notes:
    build: .
    command: {sys.executable} serve.py 8000
    ports: ["8000:8000"]
    environment:
      DATABASE: postgres://notes:notes@db/notes
      CACHE: redis://redis:6379/0
      TABLE: "no"
    healthcheck: {{test: curl --fail http://localhost:8000/health}}
  db: {{image: "postgres:16"}}
  redis: {{image: "redis:7"}}
"""


@pytest.mark.parametrize("has_app", [True, False])
def test_the_plan_that_init_writes_runs_at_once(team: Team, has_app: bool) -> None:  # noqa: FBT001  a case
    (team.folder / "docs").mkdir()
    (team.folder / "docs" / "incidents.md").write_text(
        "# Incidents\n\n## Redis Issues\n\n```bash\nredis-cli -u $REDIS_URL REPLICAOF NO ONE\n```\n"
    )
    if has_app:
        shutil.copy(APP, team.folder)
        (team.folder / "compose.yaml").write_text(COMPOSE)
    done = team.drillbook("init")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Wrote drillbook.yaml. Next: drillbook run drillbook.yaml"
    plan = team.folder / "drillbook.yaml"
    assert ("\nstack:\n" in plan.read_text()) is has_app
    drill = team.drill("drillbook.yaml", "redis-unavailable/read-only-replica", "--no-control")
    assert (drill["verdict"], drill["exit"]) == ("RESOLVED", 0), drill["reason"]
    again = team.drillbook("init")
    assert (again.exit_code, len(again.stderr.splitlines())) == (4, 1)
