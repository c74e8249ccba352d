"""The monitoring of the service: what is looked at from outside, and which alerts page."""

from __future__ import annotations

from collections.abc import Container

from drillbook.model import Json
from drillbook.protocols import Probe
from drillbook.signals.alert import AlertRule
from drillbook.signals.http import HttpProbe

# Customers give up on a page that takes longer.
_PATIENCE_S = 0.5
_WINDOW_S = 0.4
_THRESHOLD = 0.5
_AT_LEAST = 4
# What customers notice. Logins and the list of products are looked at only where a scenario's own probes do.
_PAGING = ("health", "browse", "order", "login", "list")


def service_probes(url: str) -> list[Probe]:
    """What the monitoring of the service at `url` looks at: its health, a read and a write."""
    order: dict[str, Json] = {"sku": "tea-001", "quantity": 1, "customer": "probe"}
    return [
        HttpProbe("health", "GET", f"{url}/health", deadline_s=_PATIENCE_S, slow_s=_PATIENCE_S),
        HttpProbe("browse", "GET", f"{url}/products/tea-002", deadline_s=_PATIENCE_S, slow_s=_PATIENCE_S),
        HttpProbe("order", "POST", f"{url}/orders", body=order, deadline_s=_PATIENCE_S, slow_s=_PATIENCE_S),
    ]


def alert_rules(slis: Container[str]) -> list[AlertRule]:
    """The alerts that page, of those that `slis` allow: half of the looks at one bad within a window."""
    return [
        AlertRule(f"{sli}-failing", sli, _WINDOW_S, _THRESHOLD, _AT_LEAST) for sli in _PAGING if sli in slis
    ]
