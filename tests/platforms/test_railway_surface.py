"""What calls of the CLI mean, without carrying any out."""

from __future__ import annotations

import shlex

import pytest

from drillbook.platforms.railway_surface import child_command, is_state_changing


@pytest.mark.parametrize(
    ("call", "changes"),
    [
        ("status", False),
        ("status --json", False),
        ("logs -n 100", False),
        ("deployments", False),
        ("deployment list --limit 3", False),
        ("deployment redeploy", True),
        ("rollback", True),
        ("rollback 1234 --service=x", True),
        ("restart", True),
        ("redeploy -y", True),
        ("scale web=2", True),
        ("variables", False),
        ("variables --kv", False),
        ("variables set A=1", True),
        ("variables --set A=1", True),
        ("vars delete A", True),
        ("up -d", True),
        ("down", True),
        ("whoami", False),
        ("metrics --memory", False),
        ("environment edit -s web deploy.limitOverride.containers.cpu 2", True),
        ("environment config", False),
        ("run psql -c 'SELECT 1'", None),
        ("local redis-cli PING", None),
        ("run", False),
        ("rollback --help", False),
        ("frobnicate", False),
        ("", False),
    ],
)
def test_a_call_is_known_to_change_the_system_or_not(call: str, changes: bool | None) -> None:  # noqa: FBT001 - a case
    assert is_state_changing(shlex.split(call)) is changes
    assert is_state_changing(["/usr/bin/railway", *shlex.split(call)]) is changes


def test_the_child_of_run_is_everything_from_its_first_word_on() -> None:
    assert child_command(["run", "-s", "app", "psql", "-c", "SELECT 1"]) == ("psql", "-c", "SELECT 1")
    assert child_command(["railway", "run", "--", "psql", "--", "-h"]) == ("psql", "--", "-h")
    assert child_command(["status"]) == ()
