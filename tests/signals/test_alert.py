"""The rules that page."""

from __future__ import annotations

import asyncio

import pytest

from drillbook.events import AlertChanged, Sampled
from drillbook.journal import Journal, events, read
from drillbook.signals.alert import AlertRule, Alerts
from drillbook.signals.sli import Signals

RULE = AlertRule("order-failing", "order", window_s=0.5, threshold=0.5, at_least=4)


def changes(journal: Journal, pattern: str, sli: str = "order") -> list[tuple[int, str]]:
    """With a sample each tenth of a second: after how many samples the rule fired and cleared."""
    signals = Signals(["order", "health"], interval_s=0.1)
    alerts = Alerts(journal, signals, [RULE])
    seen: list[tuple[int, str]] = []
    was: frozenset[str] = frozenset()
    for count, sign in enumerate(pattern, 1):
        end = 10 + count * 0.1
        signals.add(Sampled(sli, end - 0.01, end, sign == "+", "" if sign == "+" else "503"))
        if alerts.firing != was:
            seen.append((count, "fired" if alerts.firing else "cleared"))
            was = alerts.firing
    return seen


def test_an_alert_fires_as_soon_as_half_of_the_window_is_bad(journal: Journal) -> None:
    assert changes(journal, "++++++---") == [(9, "fired")]


def test_an_alert_does_not_fire_on_fewer_samples_than_it_needs(journal: Journal) -> None:
    assert changes(journal, "---") == []
    assert changes(journal, "----") == [(4, "fired")]


def test_single_bad_samples_do_not_page(journal: Journal) -> None:
    assert changes(journal, "+++++-+++++-+++++") == []


def test_another_sli_does_not_page(journal: Journal) -> None:
    assert changes(journal, "--------", sli="health") == []


def test_an_alert_clears_once_its_window_is_clean_and_can_fire_again(journal: Journal) -> None:
    assert changes(journal, "------+++++++------") == [(4, "fired"), (12, "cleared"), (16, "fired")]


def test_each_change_is_on_file_with_its_reason(journal: Journal) -> None:
    changes(journal, "----+++++++")
    told = [event for _, event in events(read(journal.path), AlertChanged)]
    assert told == [
        AlertChanged("order-failing", "fired", "4 of 4 looks bad: 503"),
        AlertChanged("order-failing", "cleared", "6 of 6 looks good"),
    ]


def test_a_rule_on_an_sli_that_nobody_probes_is_refused(journal: Journal) -> None:
    with pytest.raises(ValueError, match="which no probe gives"):
        Alerts(journal, Signals(["health"], interval_s=0.1), [RULE])


def test_who_waits_for_an_alert_is_woken_by_it_or_told_at_the_deadline(journal: Journal) -> None:
    async def scene() -> None:
        signals = Signals(["order"], interval_s=0.1)
        alerts = Alerts(journal, signals, [RULE])
        assert not await alerts.wait_fired(0.02)
        waiting = asyncio.create_task(alerts.wait_fired(5.0))
        await asyncio.sleep(0)
        for count in range(4):
            signals.add(Sampled("order", 10.0, 10.0 + count / 10, good=False))
        assert await waiting
        assert await alerts.wait_fired(0.0)

    asyncio.run(scene())
