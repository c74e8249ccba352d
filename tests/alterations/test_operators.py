"""The mutation operators."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.alterations import operators
from drillbook.alterations.operators import NAMES, ON_COMMANDS, mutations

KILL = (
    'psql $DATABASE_URL -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
    " WHERE state = 'idle in transaction' AND query_start < now() - interval '10 minutes'\""
)
LOOP = """if railway logs -n 2000 | awk '{ all += $1; if ($1 > m) m = $1 } END { exit !(m * 2 <= all) }'
then
  railway variables --kv | awk -F = '{ print $1 "=" $2 * 3 }' | xargs railway variables set
fi"""


def made(operator: str, command: str) -> list[str]:
    return [change.after for change in ON_COMMANDS[operator](command)]


@pytest.mark.parametrize(
    ("operator", "command", "after"),
    [
        ("threshold", KILL, ["600"]),
        ("threshold", "railway variables set DB_POOL_SIZE=20", ["2"]),
        ("threshold", "railway scale us-west=4", ["1"]),
        ("threshold", "railway environment edit memoryBytes 256000000", ["25600000"]),
        ("threshold", LOOP, ["1", "1"]),
        ("threshold", "railway logs -n 2000 | tail -n 30", []),
        ("threshold", "grep 'status=429' | head -n 20", []),
        ("threshold", "railway scale us-west=1", []),
        ("state", KILL, ["'active'"]),
        ("state", "psql -c \"SELECT 1 WHERE state = 'idle'\"", ["'active'"]),
        ("function", KILL, ["pg_cancel_backend"]),
        ("function", "redis-cli -u $REDIS_URL FLUSHDB", ["DBSIZE"]),
        ("function", "redis-cli CLIENT KILL TYPE pubsub", ["GETNAME"]),
        ("function", "railway rollback <deployment-id>", ["restart"]),
        ("function", "railway variables set A=1", ["list"]),
        ("database", "redis-cli -u $REDIS_URL FLUSHDB", ["redis-cli -u $REDIS_URL -n 5"]),
        ("database", "redis-cli -u $REDIS_URL -n 1 FLUSHDB", ["6"]),
        ("database", KILL, ["WHERE datname = 'template1' AND"]),
        ("target", "redis-cli -u $REDIS_URL PING", ["$DATABASE_URL"]),
        ("target", "railway rollback", ["railway rollback --service payments"]),
        ("target", "railway rollback --service orders", ["payments"]),
        ("target", "psql -h db1 -c 'SELECT 1'", ["db1.invalid"]),
        ("comparison", KILL, ["<>", ">"]),
        ("comparison", LOOP, ["<", ">"]),
        ("comparison", "psql < backup.sql > log.txt", []),
        ("silent", "railway status", ["railway status > /dev/null 2>&1 || true"]),
        ("silent", "a | b", ["{ a | b; } > /dev/null 2>&1 || true"]),
        ("silent", "cat <<EOF\nx\nEOF", []),
        ("silent", "ls # all of them", []),
        ("hollow", "railway status", ["false && railway status > /dev/null 2>&1 || true"]),
    ],
)  # fmt: skip
def test_an_operator_makes_just_these_mistakes(operator: str, command: str, after: list[str]) -> None:
    assert made(operator, command) == after


def test_every_mutation_differs_from_the_command_and_from_every_other() -> None:
    for command in (KILL, LOOP, "railway rollback", "redis-cli -u $REDIS_URL -n 0 FLUSHDB"):
        commands = [change.command for _, change in mutations(command)]
        assert len(commands) > 2
        assert len({command, *commands}) == len(commands) + 1


def test_every_operator_says_what_it_does() -> None:
    assert set(ON_COMMANDS) < set(NAMES)
    assert all(operators.ABOUT[name] for name in NAMES)


@pytest.mark.parametrize("command", [KILL, LOOP, "a; b | c && d", "railway status"])
def test_a_shell_can_read_every_mutated_command(command: str) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    for name, change in mutations(command):
        done = subprocess.run(
            [bash, "-n", "-c", change.command], capture_output=True, timeout=10, check=False
        )
        assert (name, done.returncode, done.stderr) == (name, 0, b"")


@pytest.mark.parametrize("command", ["touch made; echo told; exit 3", "touch made"])
def test_hollow_does_nothing_and_silent_does_it_and_says_nothing(
    tmp_path_factory: pytest.TempPathFactory, command: str
) -> None:
    for name, there in (("silent", True), ("hollow", False)):
        folder = tmp_path_factory.mktemp(name)
        wrapped = made(name, command)[0].replace("exit 3", "(exit 3)")
        done = subprocess.run(
            ["bash", "-c", wrapped], cwd=folder, capture_output=True, timeout=10, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert (folder / "made").exists() is there


@given(st.text(alphabet=st.sampled_from(list("ab'\"\n |;<>=$-{}0123456789*()\\#")), max_size=60))
def test_no_command_is_too_odd_and_none_changes_its_number_of_lines(command: str) -> None:
    for name, change in mutations(command):
        assert name in NAMES
        assert change.command.count("\n") == command.count("\n")
        assert change.command != command
