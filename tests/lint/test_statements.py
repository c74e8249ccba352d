"""The rules on SQL, which PostgreSQL's own parser reads."""

from __future__ import annotations

import pytest
from tests.lint.look import findings, lines, shell

from drillbook.lint.registry import RULES

SQL = tuple(rule.id for rule in RULES if rule.id.startswith("sql-"))
OLD = "now() - interval '10 minutes'"


def found(sql: str) -> list[str]:
    """The SQL rules that find something in `sql`, given to psql by `-c`."""
    return [one.rule for one in findings(shell(f'railway run psql "$URL" -c "{sql}"'), *SQL)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT count(*) FROM pg_stat_activity",
        "SELECT pg_terminate_backend(<pid>)",
        "SELECT * FROM t WHERE day = 'YYYY-MM-DD' LIMIT [ROW_COUNT]",
        "SELECT * FROM t WHERE id = :id AND name = :'name'",
        "SELECT '2020-01-01 10:20:30'::timestamp, a[1:2] FROM t",
        "SELECT * FROM $TABLE WHERE this is for the shell to say",
        r"\\dt",
        "VACUUM (VERBOSE) t",
        f"SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query_start < {OLD}",
        f"SELECT pid FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND xact_start < {OLD}",
        "SELECT 1 FROM pg_stat_activity WHERE state ~~ 'idle in transaction%' AND xact_start < query_start",
        f"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE state = 'active' AND query_start < {OLD}",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
        "SELECT total_time FROM my_runs",
        "SELECT total_exec_time FROM pg_stat_statements",
    ],
)
def test_sound_sql_is_not_reported(sql: str) -> None:
    assert found(sql) == []


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT FROM WHERE", "SELECT 'open"])
def test_sql_that_the_server_refuses_is_reported_with_its_reason(sql: str) -> None:
    (one,) = findings(shell(f'psql -c "{sql}"'), *SQL)
    assert one.rule == "sql-does-not-parse"
    assert one.line == 6
    assert "at or near" in one.message or "unterminated" in one.message


@pytest.mark.parametrize("state", ["state = 'idle in transaction'", "'idle in transaction' = a.state"])
def test_the_kill_query_has_both_its_gaps(state: str) -> None:
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity a"
    assert found(f"{kill} WHERE {state} AND query_start < {OLD}") == [
        "sql-one-of-several-states",
        "sql-query-start-for-transaction",
    ]
    assert found(f"{kill} WHERE {state} AND age(now(), query_start) > '1h'") == [
        "sql-one-of-several-states",
        "sql-query-start-for-transaction",
    ]


@pytest.mark.parametrize(
    "where",
    [
        "state IN ('idle in transaction', 'idle in transaction (aborted)')",
        "(state = 'idle in transaction' OR state = 'idle in transaction (aborted)')",
        "state ~ '^idle in transaction'",
        "state <> 'idle in transaction'",
    ],
)
def test_a_query_for_both_states_leaves_none_out(where: str) -> None:
    assert found(f"SELECT pid FROM pg_stat_activity WHERE {where}") == []


def test_cancelling_what_runs_nothing_is_reported() -> None:
    assert found("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE state = 'idle'") == [
        "sql-cancel-on-idle"
    ]
    assert "sql-cancel-on-idle" in found(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    )


@pytest.mark.parametrize("where", ["", "WHERE datname = 'orders'", "WHERE query LIKE '%report%'"])
def test_a_query_that_ends_its_own_session_is_reported(where: str) -> None:
    assert found(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity {where}") == [
        "sql-terminates-itself"
    ]


@pytest.mark.parametrize(
    ("sql", "new"),
    [
        ("SELECT query FROM pg_stat_statements ORDER BY total_time", "total_exec_time"),
        ("SELECT procpid FROM pg_stat_activity", "pid"),
        ("SELECT pg_start_backup('x')", "pg_backup_start"),
    ],
)
def test_a_renamed_name_is_reported_with_the_new_one(sql: str, new: str) -> None:
    (one,) = findings(shell(f'psql -c "{sql}"'), *SQL)
    assert (one.rule, one.fix) == ("sql-renamed", f"use {new}")


def test_blocks_and_here_documents_are_read_and_know_their_lines() -> None:
    block = (
        "# A\n\nOn PostgreSQL:\n\n```sql\n-- all\nSELECT 1;\n\nSELECT procpid\nFROM pg_stat_activity;\n```\n"
    )
    assert lines(block, "sql-renamed") == [9]
    document = shell("psql <<SQL", "SELECT 1;", "SELECT procpid FROM pg_stat_activity;", "SQL")
    assert lines(document, "sql-renamed") == [8]


def test_a_block_for_another_database_is_left_alone() -> None:
    assert lines("# A\n\n```sql\nSHOW TABLES LIKE 'x';\n```\n", "sql-does-not-parse") == []
    assert lines("# MySQL, not postgres\n\n```sql\nSHOW TABLES LIKE 'x';\n```\n", "sql-does-not-parse") == []
    assert lines("# Postgres\n\n```sql\nSHOW TABLES LIKE 'x';\n```\n", "sql-does-not-parse") == [4]


def test_a_session_of_psql_is_read_without_its_prompts_and_output() -> None:
    text = "# A\n\n```psql\norders=# SELECT 1;\n ?column? \n----------\n 1\n(1 row)\n\\dt\n```\n"
    assert lines(text, "sql-does-not-parse") in ([], [4])
