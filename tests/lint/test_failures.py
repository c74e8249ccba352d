"""Steps whose failure nothing shows, and commands that wait without end."""

from __future__ import annotations

import pytest
from tests.lint.look import findings, lines, shell

SCRIPT = ("#!/bin/bash", "{}", "platform rollback web", "platform rollback api", 'echo "All done"')


@pytest.mark.parametrize(
    "command",
    [
        "psql orders < backup.sql",
        "railway run psql -f backup.sql",
        "pg_dump orders | gzip > orders.gz",
        "railway run pg_dump | gzip > orders.gz",
        "platform restart web || true",
    ],
)
def test_a_failure_that_nothing_shows_is_reported(command: str) -> None:
    assert lines(shell(command), "hidden-failure") == [6]


@pytest.mark.parametrize(
    "commands",
    [
        ("psql -v ON_ERROR_STOP=1 orders < backup.sql",),
        ("pg_dump orders > orders.sql",),
        ("set -o pipefail", "pg_dump orders | gzip > orders.gz"),
        ("gunzip < orders.gz | psql -v ON_ERROR_STOP=1",),
        ("grep -c ERROR log || true",),
        ("pg_dumpall --roles-only | grep admin",),
        ("platform restart web || exit 1",),
    ],
)
def test_a_failure_that_shows_is_not_reported(commands: tuple[str, ...]) -> None:
    assert lines(shell(*commands), "hidden-failure") == []


def test_a_script_that_ends_well_whatever_happened_is_reported_where_it_first_goes_on() -> None:
    (one,) = findings(shell(*SCRIPT).replace("{}", "# roll back"), "hidden-failure")
    assert (one.line, "All done" in one.message) == (8, True)


@pytest.mark.parametrize("guard", ["set -e", "set -euo pipefail", "trap 'exit 1' ERR"])
def test_a_script_that_stops_at_a_failure_is_not_reported(guard: str) -> None:
    assert lines(shell(*SCRIPT).replace("{}", guard), "hidden-failure") == []


def test_a_script_that_checks_each_call_is_not_reported() -> None:
    script = ("#!/bin/sh", "platform rollback web || exit 1", "platform rollback api || exit 1", "echo done")
    assert lines(shell(*script), "hidden-failure") == []


@pytest.mark.parametrize(
    "command",
    [
        "redis-cli -u redis://db CONFIG SET maxmemory 1gb",
        "redis-cli -p 26379 SENTINEL failover main",
        "curl https://shop.example/health",
        "curl -s -X GET https://shop.example/api/readyz?full=1",
    ],
)
def test_an_exit_code_of_0_that_says_nothing_is_noted(command: str) -> None:
    assert lines(shell(command), "exit-0-on-error") == [6]


@pytest.mark.parametrize(
    "command",
    [
        "redis-cli PING",
        "redis-cli sentinel masters",
        "redis-cli -e FLUSHDB",
        "curl -fsS https://shop.example/health",
        "curl -i https://shop.example/health",
        'curl -s -o /dev/null -w "%{http_code}" https://shop.example/health',
        "curl https://shop.example/orders/7",
        "curl https://shop.example/health | jq .status",
    ],
)
def test_an_answer_that_shows_is_not_noted(command: str) -> None:
    assert lines(shell(command), "exit-0-on-error") == []


def test_a_program_without_a_timeout_is_noted_once_with_its_lines() -> None:
    text = shell('psql -c "SELECT 1"', 'psql -c "SELECT 2"', "redis-cli PING", "curl https://a.example")
    found = findings(text, "no-timeout")
    assert [one.line for one in found] == [6, 8, 9]
    assert "also on line 7" in found[0].message


@pytest.mark.parametrize(
    "command",
    [
        'timeout 10 psql -c "SELECT 1"',
        'PGCONNECT_TIMEOUT=5 psql -c "SELECT 1"',
        'psql "postgresql://db/orders?connect_timeout=5" -c "SELECT 1"',
        "psql",
        "psql -v ON_ERROR_STOP=1 -f restore.sql",
        "curl --max-time 10 https://a.example",
        "curl -sm5 https://a.example",
        "timeout 10 redis-cli PING",
        "redis-cli -p 6380",
    ],
)
def test_what_is_bounded_or_meant_to_last_is_not_noted(command: str) -> None:
    assert lines(shell(command), "no-timeout") == []
