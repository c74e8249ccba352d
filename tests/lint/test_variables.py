"""Variables that the wrong shell expands, that are not exported, or that nothing sets."""

from __future__ import annotations

import pytest
from tests.lint.look import findings, lines, shell

CALLER = "expanded-by-caller"


@pytest.mark.parametrize(
    "command",
    [
        'railway run psql $DATABASE_URL -c "SELECT 1"',
        'railway run psql "$DATABASE_URL"',
        'railway run bash -c "psql $DATABASE_URL"',
        "railway run --service db psql ${DATABASE_URL}",
        "sudo railway run psql $DATABASE_URL",
        "doppler run -p shop -- psql $DATABASE_URL",
        "heroku run psql $DATABASE_URL",
    ],
)
def test_a_variable_behind_what_injects_it_is_expanded_too_soon(command: str) -> None:
    (one,) = findings(shell(command), CALLER)
    assert one.line == 6
    assert "`$DATABASE_URL`" in one.message
    assert "sh -c '" in one.fix


@pytest.mark.parametrize(
    "command",
    [
        "railway run sh -c 'psql \"$DATABASE_URL\"'",
        "railway run --service $SERVICE psql",
        "psql $DATABASE_URL",
        "docker exec db psql $DATABASE_URL",
        "railway run tar -C $HOME -x",
        "for REGION in eu us; do railway run deploy $REGION; done",
        "railway run pg_dump > $TARGET",
    ],
)
def test_a_variable_that_the_caller_is_to_expand_is_not_reported(command: str) -> None:
    assert lines(shell(command), CALLER) == []


def test_a_query_with_quotes_of_its_own_is_sent_to_a_file() -> None:
    (one,) = findings(shell("""railway run psql $DATABASE_URL -c "SELECT 'x'" """), CALLER)
    assert "-f FILE" in one.fix


def test_a_variable_that_the_runbook_sets_is_the_callers() -> None:
    assert lines(shell("export TARGET=db-1", "railway run psql -h $TARGET"), CALLER) == []


def test_each_line_is_reported_at_its_own() -> None:
    text = shell("# one", "railway run psql $A_URL", "# two", "railway run \\", "  psql $B_URL")
    assert lines(text, CALLER) == [7, 10]


def test_a_variable_that_the_next_program_does_not_get_is_reported() -> None:
    text = shell("REDISCLI_AUTH=$(cat secret)", "redis-cli info")
    (one,) = findings(text, "not-exported")
    assert (one.line, "redis-cli does not get it" in one.message) == (6, True)


@pytest.mark.parametrize(
    "commands",
    [
        ("REDISCLI_AUTH=$(cat secret) redis-cli info",),
        ("export REDISCLI_AUTH=$(cat secret)", "redis-cli info"),
        ("REDISCLI_AUTH=x", "export REDISCLI_AUTH", "redis-cli info"),
        ("POD=$(kubectl get po -o name)", 'kubectl logs "$POD"'),
        ("POD=$(kubectl get po -o name)", 'kubectl logs "${POD}"'),
    ],
)
def test_a_variable_that_arrives_is_not_reported(commands: tuple[str, ...]) -> None:
    assert lines(shell(*commands), "not-exported") == []


def test_a_variable_that_nothing_sets_is_reported_once_with_its_lines() -> None:
    (one,) = findings(shell("scp $host:/var/log/x .", "ssh $host"), "unset-variable")
    assert (one.line, "also on line 7" in one.message) == (6, True)


@pytest.mark.parametrize(
    "commands",
    [
        ("host=db-1", "ssh $host"),
        ("for host in a b; do ssh $host; done",),
        ("while read -r host port; do nc $host $port; done < hosts",),
        ("read -p 'which? ' host", "ssh $host"),
        ("ssh $HOST $1 $?",),
        ("ssh ${host:-db-1}",),
        ("awk '{print $host}' log",),
        ("echo the pod is {{ $host.name }}",),
    ],
)
def test_a_variable_that_something_sets_is_not_reported(commands: tuple[str, ...]) -> None:
    assert lines(shell(*commands), "unset-variable") == []
