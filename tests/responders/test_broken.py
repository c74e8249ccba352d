"""Which steps could not run as written."""

import pytest

from drillbook.responders.broken import variables, why_broken
from drillbook.responders.shell import Completed


def completed(exit_code: int | None, stderr: str = "") -> Completed:
    return Completed(exit_code, 0.1, "", stderr, timed_out=exit_code is None)


@pytest.mark.parametrize(
    ("command", "exit_code", "stderr", "reason"),
    [
        ("railwy status", 127, "bash: line 1: railwy: command not found", "command not found"),
        ("railway rollback", 2, "error: unrecognized subcommand 'rollback'", "unrecognized subcommand"),
        ("psql --sql x", 1, "psql: unrecognized option '--sql'", "unrecognized option"),
        ("redis-cli -u $REDIS_URL PING", 1, "Invalid URI scheme", "$REDIS_URL is empty"),
        ('psql "$DATABASE_URL"', 2, "psql: error: connection to server on socket", "$DATABASE_URL is empty"),
        ("psql x", 2, 'psql: error: connection to server at "127.0.0.1" failed: refused', "connection to"),
        ("redis-cli PING", 1, "Could not connect to Redis at 127.0.0.1:6379", "Could not connect"),
    ],
)
def test_a_step_that_could_not_run_says_why(command: str, exit_code: int, stderr: str, reason: str) -> None:
    assert reason in why_broken(command, completed(exit_code, stderr), {})


def test_a_step_that_ran_without_success_is_not_broken() -> None:
    denied = completed(1, "ERROR:  permission denied to terminate process")
    assert why_broken("psql -c '…'", denied, {}) == ""


def test_a_step_that_ended_well_is_not_broken_whatever_it_says() -> None:
    assert why_broken("grep refused log", completed(0, "connection refused"), {}) == ""


def test_a_step_that_was_killed_at_its_deadline_is_not_broken() -> None:
    assert why_broken("psql $DATABASE_URL", completed(None), {}) == ""


def test_a_variable_that_is_set_is_not_empty() -> None:
    assert why_broken("psql $URL", completed(1, "ERROR: no"), {"URL": "postgresql://…"}) == ""


def test_variables_that_the_command_sets_itself_or_quotes_are_not_expanded_from_outside() -> None:
    assert variables("X=1; echo $X ${Y} '$Z'") == ["Y"]
    assert variables("awk '{print $NF}'") == []
