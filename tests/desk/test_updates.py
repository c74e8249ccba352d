from __future__ import annotations

import pytest
from tests.journals import STATUS, runbook

from drillbook.desk.updates import DEFAULT_TEMPLATE, says_resolved, template_of, unfilled
from drillbook.model import Runbook

FILLED = """[INCIDENT] Orders - Customers can't pay

Status: Identified
Impact: Every order times out
Started: 09:30
Current Action: Ending the session that holds the lock
Next Update: 10:00
Ticket: OPS-7
"""


def test_a_filled_template_has_nothing_open() -> None:
    assert unfilled(FILLED, STATUS) == []


def test_the_template_as_it_is_is_open_in_every_field() -> None:
    open_ones = unfilled(STATUS, STATUS)
    for label in ("Status", "Impact", "Started", "Current Action", "Next Update", "Ticket", "title"):
        assert any(label in each for each in open_ones), label


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Impact: Every order times out\n", "", "Impact is missing"),
        ("Every order times out", "", "Impact is empty"),
        ("Every order", "[Description of user impact], every order", "Impact still has"),
        (
            "Status: Identified",
            "Status: Investigating / Identified / Monitoring / Resolved",
            "Status is still",
        ),
        ("Orders - Customers can't pay", "Service Name - Customers can't pay", "the title still has"),
        ("[INCIDENT] Orders - Customers can't pay\n", "", "the title is missing"),
    ],
)
def test_what_is_open_is_named(old: str, new: str, said: str) -> None:
    assert old in FILLED
    (only,) = unfilled(FILLED.replace(old, new), STATUS)
    assert only.startswith(said)


def test_what_is_in_brackets_by_the_writer_is_no_placeholder() -> None:
    assert unfilled(FILLED.replace("Every order", "Every order [of tea]"), STATUS) == []


def test_nothing_is_no_update() -> None:
    assert unfilled(" \n", STATUS) == ["it is empty"]


def test_a_runbook_without_a_template_gets_the_usual_one() -> None:
    assert template_of(Runbook("", "", "")) == DEFAULT_TEMPLATE
    assert template_of(runbook()) == STATUS


@pytest.mark.parametrize(
    ("text", "over"),
    [
        (FILLED, False),
        (FILLED.replace("Identified", "Resolved"), True),
        (STATUS, False),
        (FILLED.replace("Ending the session", "Not fixed yet: the session"), False),
        ("All clear, orders work", True),
    ],
)
def test_an_update_says_that_it_is_over_by_its_status(text: str, over: bool) -> None:  # noqa: FBT001
    assert says_resolved(text) is over
