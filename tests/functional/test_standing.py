"""A standing stack, by the fixture that a team's tests have it by."""

from __future__ import annotations

import json

import httpx
import psycopg
import pytest
import redis
from tests.functional.conftest import left_behind

from drillbook.errors import InputError, StackError
from drillbook.pytest_plugin import _SETTINGS
from drillbook.standing import StandingStack

FORGOTTEN = "stuck-transactions/idle-past-threshold"


def test_a_stack_is_up_takes_faults_one_after_another_and_leaves_nothing(
    stack: StandingStack, pytestconfig: pytest.Config
) -> None:
    mark = pytestconfig.stash[_SETTINGS]["mark"]
    assert left_behind(mark)
    assert httpx.get(f"{stack.app_url}/health").json()["status"] == "ok"
    with psycopg.connect(stack.environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("postgres",)
    with redis.Redis.from_url(stack.redis_url) as cache:
        assert cache.ping()

    with stack.inject(FORGOTTEN) as forgotten:
        assert "idle in transaction" in str(forgotten.cause())
        with pytest.raises(InputError, match="is injected already"), stack.inject(FORGOTTEN):
            pytest.fail("it was injected twice")
    with stack.inject("stuck-transactions/session-advisory-lock") as other:  # the block's end has healed it
        assert other.cause() is not None

    with pytest.raises(InputError, match="there is no scenario"), stack.inject("stuck-transaction"):
        pytest.fail("there is no such scenario")
    with pytest.raises(InputError, match=r"no variant 'idle'.*idle-past-threshold"):
        stack.ask("inject", "stuck-transactions/idle")
    needs_its_own = "pool-exhaustion/too-small"
    with pytest.raises(InputError, match=rf'drillbook_stack\("{needs_its_own}"\)'):
        stack.ask("inject", needs_its_own)

    stack.stop()
    with pytest.raises(StackError, match="the stack has ended"):
        stack.ask("cause", FORGOTTEN)
    assert left_behind(mark) == []
    journal = [json.loads(line) for line in (stack.logs.parent / "journal.jsonl").read_text().splitlines()]
    changes = [entry["change"] for entry in journal if entry["kind"] == "fault"]
    assert changes == ["intent", "confirmed", "healed"] * 2


@pytest.mark.drillbook_stack("pool-exhaustion/too-small", customers=True)
def test_a_marked_test_has_a_stack_set_up_for_its_variant_and_the_reference_cure(
    stack: StandingStack,
) -> None:
    with stack.inject("pool-exhaustion/too-small") as fault:
        assert fault.evidence
        assert fault.cause() is not None
        fault.cure()
        assert fault.cause() is None
