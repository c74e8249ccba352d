"""The monitoring of the service: what is looked at from outside, and which alerts page."""

from __future__ import annotations

from collections.abc import Container

from drillbook.app import SHOP, App
from drillbook.protocols import Probe
from drillbook.signals.alert import AlertRule
from drillbook.signals.parts import http_probe

_WINDOW_S = 0.4
_THRESHOLD = 0.5
_AT_LEAST = 4
# What a team's monitoring has of the parts beside its app.
_PARTS = ("cache", "table", "login")
# What customers notice. Logins and the list of products are looked at only where a scenario's own probes do.
_PAGING = ("health", "browse", "order", "login", "list")


def service_probes(url: str, app: App = SHOP) -> list[Probe]:
    """What the monitoring of `app` at `url` looks at; of the shop its health, a read and a write."""
    return [http_probe(look, url) for look in app.looks]


def alert_rules(slis: Container[str], app: App = SHOP, *, interval_s: float = 0.04) -> list[AlertRule]:
    """The alerts that page, of those that `slis` allow: half of the looks at one bad within a window.

    The window has as many looks as a rule needs, where they come every `interval_s` seconds.

    Of another app than the shop nothing more is known, so whatever is looked at pages.
    """
    window_s = max(_WINDOW_S, (_AT_LEAST + 1) * interval_s)
    paging = _PAGING if app.is_shop else [*(look.name for look in app.looks), *_PARTS]
    return [
        AlertRule(f"{sli}-failing", sli, window_s, _THRESHOLD, _AT_LEAST) for sli in paging if sli in slis
    ]
