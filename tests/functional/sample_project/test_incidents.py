"""What the team wants to be sure of beyond its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import psycopg

if TYPE_CHECKING:
    from drillbook.pytest_plugin import Drill
    from drillbook.standing import StandingStack

FORGOTTEN = "stuck-transactions/idle-past-threshold"
END_IT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'"


def order(stack: StandingStack) -> int:
    body = {"sku": "tea-001", "quantity": 1, "customer": "drill"}
    return httpx.post(f"{stack.app_url}/orders", json=body, timeout=5.0).status_code


def test_a_forgotten_transaction_stops_orders_and_ending_it_lets_them_through(stack: StandingStack) -> None:
    assert order(stack) == 201
    with stack.inject(FORGOTTEN) as fault:
        assert order(stack) == 503
        with psycopg.connect(stack.database_url, autocommit=True) as connection:
            connection.execute(END_IT)
        assert fault.cause() is None
        assert order(stack) == 201


def test_restarting_the_app_does_not_help(drill: Drill) -> None:
    result = drill(FORGOTTEN, responder="command:railway restart", control=False)
    assert result.verdict == "NOT_RESOLVED", result.reason
