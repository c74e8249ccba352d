"""Which commands can change the state of the system."""

from collections.abc import Sequence

import pytest

from drillbook.responders.intent import changes_state

KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'"


def platform(argv: Sequence[str]) -> bool | None:
    """A platform whose `run` runs another command, whose `rollback` changes, and all else reads."""
    return None if argv[1:2] == ["run"] else argv[1:2] == ["rollback"]


@pytest.mark.parametrize(
    "command",
    [
        "railway status",
        'railway run psql $DATABASE_URL -c "SELECT 1"',
        'psql $DATABASE_URL -c "SELECT count(*) FROM pg_stat_activity"',
        "railway run redis-cli -u $REDIS_URL PING",
        "redis-cli -u $REDIS_URL INFO memory",
        "redis-cli -n 1 CONFIG GET maxmemory",
        "redis-cli --bigkeys",
        "cat log | grep ERROR | head -5",
        "cat log | sed -E 's/^[^ ]+ //; s/ (id|ms)=[^ ]+//g' | sort | uniq -c",
        "sleep 1 && date",
        "railway status > /dev/null 2>&1 || true",
        "{ railway status | grep Online; } &> /dev/null",
        "railway status 2>/dev/null",
    ],
)
def test_what_is_known_to_read_is_reading(command: str) -> None:
    assert not changes_state(command, platform)


@pytest.mark.parametrize(
    "command",
    [
        "railway rollback",
        "railway rollback > /dev/null 2>&1 || true",
        "{ railway status; railway rollback; } > /dev/null",
        "railway status > status.txt",
        "railway status 2>> errors.txt",
        f'railway run psql $DATABASE_URL -c "{KILL}"',
        'psql -c "UPDATE products SET on_hand = 0"',
        'psql -c "WITH gone AS (DELETE FROM orders RETURNING 1) SELECT * FROM gone"',
        "psql -f fix.sql",
        "psql",
        "railway run redis-cli -u $REDIS_URL FLUSHDB",
        "redis-cli CONFIG SET maxmemory 0",
        "redis-cli",
        "systemctl restart app",
        "railway status; railway rollback",
        "echo 1 > /proc/sys/vm/drop_caches",
        "echo 'unbalanced",
        "sed -i s/debug/info/ app.conf",
        "sed -nEi.bak s/debug/info/ app.conf",
        "sed -f edit.sed app.conf",
        "sed 's/a/b/gw out' log",
        "sed '1e reboot' log",
    ],
)
def test_what_changes_or_is_not_known_is_changing(command: str) -> None:
    assert changes_state(command, platform)
