"""Commands that destroy, and what makes them bearable."""

from __future__ import annotations

import pytest
from tests.lint.look import lines, shell

RULE = "unguarded-destruction"


@pytest.mark.parametrize(
    "command",
    [
        "redis-cli -u redis://db FLUSHDB",
        "railway run redis-cli flushall async",
        'psql -c "DROP TABLE orders"',
        'psql -c "truncate orders"',
        "dropdb orders",
        "pg_restore --clean -d orders dump",
        "rm -rf /var/lib/postgresql/15/main",
        "sudo rm -fr ~/data $DIR/*",
        "git push -f origin main",
        "kubectl -n shop delete pvc data-0",
        "kubectl delete statefulset/db",
        "helm uninstall shop",
        "terraform destroy -auto-approve",
        "docker compose down -v",
        "docker volume rm data",
    ],
)
def test_destruction_without_a_look_or_a_way_back_is_reported(command: str) -> None:
    assert lines(shell(command), RULE) == [6]


@pytest.mark.parametrize(
    "command",
    [
        "redis-cli GET flushdb",
        "rm -rf /tmp/x ./build node_modules",
        "rm perf.data",
        "git push --force-with-lease origin main",
        "kubectl delete pod/web-0",
        "kubectl delete --cascade=orphan sts/db",
        "kubectl delete sts/db --dry-run=client",
        "docker compose down",
        "terraform plan -destroy",
        'psql -c "SELECT 1"',
    ],
)
def test_what_can_be_made_again_is_not_reported(command: str) -> None:
    assert lines(shell(command), RULE) == []


@pytest.mark.parametrize(
    ("before", "command", "after"),
    [
        ("redis-cli INFO keyspace", "redis-cli FLUSHDB", ""),
        ("redis-cli DBSIZE", "redis-cli FLUSHDB", ""),
        ("", "redis-cli FLUSHDB", "bin/warm-cache"),
        ("pg_dump orders > orders.sql", "dropdb orders", ""),
        ("", "dropdb orders", "pg_restore -d postgres -C dump"),
        ("ls /data", "rm -rf /data/old", ""),
        ("git tag before-reset", "git push -f origin main", ""),
        ("kubectl get pvc", "kubectl delete pvc data-0", ""),
        ("", "kubectl delete sts/db", "kubectl apply -f sts.yaml"),
        ("docker volume ls", "docker volume rm data", ""),
    ],
)
def test_a_look_before_or_a_way_back_after_is_enough(before: str, command: str, after: str) -> None:
    assert lines(shell(*(line for line in (before, command, after) if line)), RULE) == []


def test_a_look_at_something_else_is_not_enough() -> None:
    text = shell("redis-cli PING", "redis-cli INFO memory", "# caution!", "redis-cli FLUSHDB")
    assert lines(text, RULE) == [9]


def test_a_look_in_another_part_of_the_runbook_is_not_enough() -> None:
    text = "# A\n\n## Look\n\n```\nredis-cli DBSIZE\n```\n\n## Flush\n\n```\nredis-cli FLUSHDB\n```\n"
    assert lines(text, RULE) == [12]
