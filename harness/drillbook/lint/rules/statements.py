"""SQL that does not parse, or that has gone out of date, and what ends the wrong sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drillbook.lint.rule import Found, Rule, Subject
from drillbook.lint.sql import NEEDS, scripts_of, statements_of, values_of
from drillbook.model import Level
from drillbook.runbook.vocabulary import words

_IN_TRANSACTION = "idle in transaction"
_ABORTED = "idle in transaction (aborted)"
_IDLE = frozenset(("idle", _IN_TRANSACTION, _ABORTED))
# What narrows a query to sessions other than the one that runs it.
_SPARES_ITSELF = words("""
    state pid wait_event wait_event_type query_start xact_start state_change backend_type
    backend_start application_name leader_pid backend_xid backend_xmin
""")
_COLUMNS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "pg_stat_statements": {
        "total_time": ("total_exec_time", "13"),
        "mean_time": ("mean_exec_time", "13"),
        "min_time": ("min_exec_time", "13"),
        "max_time": ("max_exec_time", "13"),
        "stddev_time": ("stddev_exec_time", "13"),
    },
    "pg_stat_activity": {
        "procpid": ("pid", "9.2"),
        "current_query": ("query", "9.2"),
        "waiting": ("wait_event", "9.6"),
    },
    "pg_stat_replication": {
        "sent_location": ("sent_lsn", "10"),
        "write_location": ("write_lsn", "10"),
        "flush_location": ("flush_lsn", "10"),
        "replay_location": ("replay_lsn", "10"),
    },
}
_FUNCTIONS: Mapping[str, tuple[str, str]] = {
    "pg_current_xlog_location": ("pg_current_wal_lsn", "10"),
    "pg_current_xlog_insert_location": ("pg_current_wal_insert_lsn", "10"),
    "pg_last_xlog_receive_location": ("pg_last_wal_receive_lsn", "10"),
    "pg_last_xlog_replay_location": ("pg_last_wal_replay_lsn", "10"),
    "pg_xlog_location_diff": ("pg_wal_lsn_diff", "10"),
    "pg_xlog_replay_pause": ("pg_wal_replay_pause", "10"),
    "pg_xlog_replay_resume": ("pg_wal_replay_resume", "10"),
    "pg_switch_xlog": ("pg_switch_wal", "10"),
    "pg_start_backup": ("pg_backup_start", "15"),
    "pg_stop_backup": ("pg_backup_stop", "15"),
}


def _unparsed(subject: Subject) -> Iterator[Found]:
    for script in scripts_of(subject):
        if script.error and not script.open:
            yield Found(
                script.line, f"PostgreSQL can't parse this: {script.error}", "try it with psql, and mend it"
            )


def _one_of_several_states(subject: Subject) -> Iterator[Found]:
    for statement in statements_of(subject):
        states = set(values_of(statement, "state", ("=", "in")))
        every = {value for c in statement.comparisons if c.column == "state" for value in c.values}
        if _IN_TRANSACTION in states and not any("aborted" in v or "%" in v or "_" in v for v in every):
            yield Found(
                statement.line,
                f"state = '{_IN_TRANSACTION}' leaves out '{_ABORTED}': such a session keeps its slot, "
                "and what it locked before a savepoint",
                f"state LIKE '{_IN_TRANSACTION}%'",
            )


def _query_start(subject: Subject) -> Iterator[Found]:
    for statement in statements_of(subject):
        states = values_of(statement, "state", ("=", "in", "~~"))
        about_idle = bool(states) and all(state.startswith(_IN_TRANSACTION) for state in states)
        if about_idle and "query_start" in statement.ordered and "xact_start" not in statement.columns:
            yield Found(
                statement.line,
                "query_start is when the last statement began: a transaction that sends one now and then is "
                "never old by it, however long it holds its locks",
                "compare xact_start, which is when the transaction began",
            )


def _cancel_idle(subject: Subject) -> Iterator[Found]:
    for statement in statements_of(subject):
        states = values_of(statement, "state", ("=", "in", "~~"))
        if (
            "pg_cancel_backend" in statement.functions
            and states
            and all(state.rstrip("%") in _IDLE for state in states)
        ):
            yield Found(
                statement.line,
                f"pg_cancel_backend does nothing to a session that is {states[0].rstrip('%')}",
                "pg_terminate_backend ends the session, and its transaction with it",
            )


def _ends_itself(subject: Subject) -> Iterator[Found]:
    for statement in statements_of(subject):
        if (
            "pg_terminate_backend" in statement.functions
            and statement.relations == {"pg_stat_activity"}
            and "pg_backend_pid" not in statement.functions
            and not (statement.filters or frozenset()) & _SPARES_ITSELF
        ):
            yield Found(
                statement.line,
                "this ends the session that runs it as well, before it has come to all the others",
                "add AND pid <> pg_backend_pid()",
            )


def _renamed(subject: Subject) -> Iterator[Found]:
    for statement in statements_of(subject):
        for relation, columns in _COLUMNS.items():
            if relation in statement.relations and len(statement.relations) == 1:
                for old in sorted(statement.columns & columns.keys()):
                    new, version = columns[old]
                    yield _out_of_date(statement.line, f"{relation}.{old}", new, version)
        for old in sorted(statement.functions & _FUNCTIONS.keys()):
            new, version = _FUNCTIONS[old]
            yield _out_of_date(statement.line, old, new, version)


def _out_of_date(line: int, old: str, new: str, version: str) -> Found:
    return Found(line, f"{old} is gone since PostgreSQL {version}: the query fails there", f"use {new}")


RULES = (
    Rule(
        "sql-does-not-parse",
        "SQL that does not parse",
        Level.ERROR,
        "PostgreSQL's own parser refuses the SQL.",
        _unparsed,
        NEEDS,
    ),
    Rule(
        "sql-one-of-several-states",
        "Only one of several states",
        Level.WARNING,
        "A query looks for sessions idle in transaction, and leaves out those whose transaction has failed.",
        _one_of_several_states,
        NEEDS,
    ),
    Rule(
        "sql-query-start-for-transaction",
        "query_start where xact_start is meant",
        Level.WARNING,
        "A query measures the age of a transaction by the start of its last statement.",
        _query_start,
        NEEDS,
    ),
    Rule(
        "sql-cancel-on-idle",
        "Cancel on an idle session",
        Level.ERROR,
        "pg_cancel_backend is called on sessions that run no query, to which it does nothing.",
        _cancel_idle,
        NEEDS,
    ),
    Rule(
        "sql-terminates-itself",
        "Query that ends its own session",
        Level.WARNING,
        "A query terminates sessions without sparing the one that runs it.",
        _ends_itself,
        NEEDS,
    ),
    Rule(
        "sql-renamed",
        "Name that PostgreSQL no longer has",
        Level.WARNING,
        "A query uses a column or function that a newer PostgreSQL has renamed.",
        _renamed,
        NEEDS,
    ),
)
