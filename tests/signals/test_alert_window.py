"""The window of the alerts: wide enough for the looks that a rule needs."""

from __future__ import annotations

from drillbook.app import SHOP, App, Look
from drillbook.monitoring import alert_rules


def test_looks_that_come_seldom_get_a_wider_window() -> None:
    (usual,) = alert_rules(["health"], SHOP)
    (seldom,) = alert_rules(["health"], SHOP, interval_s=0.2)
    assert usual.window_s == 0.4
    assert seldom.window_s >= usual.at_least * 0.2


def test_whatever_is_looked_at_of_a_team_s_app_pages() -> None:
    app = App("theirs", (Look("health", "/"), Look("read", "/things")), ())
    rules = alert_rules(["health", "read", "cache", "something"], app)
    assert [rule.sli for rule in rules] == ["health", "read", "cache"]
    assert [rule.sli for rule in alert_rules(["health", "read", "cache"], SHOP)] == ["health"]
