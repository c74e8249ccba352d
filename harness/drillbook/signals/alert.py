"""Alerts: the rules that page somebody, evaluated on every sample.

An alert reads SLIs and writes down that it fired or cleared; it calls nobody and judges no drill.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from drillbook.events import AlertChanged, Sampled
from drillbook.journal import Journal
from drillbook.signals.sli import Signals


@dataclass(frozen=True, slots=True)
class AlertRule:
    """When to page.

    The rule fires once at least `at_least` samples of `sli` ended in the last `window_s` seconds and the
    fraction of them that is bad reaches `threshold`. It clears once such a window holds no bad sample.
    """

    name: str
    sli: str
    window_s: float
    threshold: float = 0.5
    at_least: int = 4


class Alerts:
    """The alert rules of a drill, each `fired` or not.

    Args:
        journal: where their changes go.
        signals: the SLIs that they are about.
        rules: the rules.

    Raises:
        ValueError: a rule is about an SLI that no probe gives; it could never fire.
    """

    def __init__(self, journal: Journal, signals: Signals, rules: Iterable[AlertRule]) -> None:
        self._journal = journal
        self._signals = signals
        self._rules = tuple(rules)
        self._firing: dict[str, str] = {}
        self._fired = asyncio.Event()
        for rule in self._rules:
            if rule.sli not in signals.series:
                raise ValueError(f"the alert rule {rule.name} is about {rule.sli}, which no probe gives")
        signals.listen(self._evaluate)

    @property
    def firing(self) -> frozenset[str]:
        """The names of the rules that fire now."""
        return frozenset(self._firing)

    @property
    def details(self) -> dict[str, str]:
        """The names of the rules that fire now, each with why."""
        return dict(self._firing)

    async def wait_fired(self, deadline_s: float) -> bool:
        """Wait until some rule fires (or does already); False when `deadline_s` seconds pass first."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._fired.wait()
        except TimeoutError:
            return self._fired.is_set()
        return True

    def _evaluate(self, sample: Sampled) -> None:
        for rule in self._rules:
            if rule.sli != sample.sli:
                continue
            looks, bad = self._signals.series[rule.sli].tally(sample.end - rule.window_s, sample.end)
            if looks < rule.at_least:
                continue
            if rule.name in self._firing:
                if not bad:
                    self._change(rule, "cleared", f"{looks} of {looks} looks good")
            elif bad / looks >= rule.threshold:
                why = f": {sample.detail}" if sample.detail else ""
                self._change(rule, "fired", f"{bad} of {looks} looks bad{why}")

    def _change(self, rule: AlertRule, change: str, detail: str) -> None:
        if change == "fired":
            self._firing[rule.name] = detail
            self._fired.set()
        else:
            self._firing.pop(rule.name, None)
            if not self._firing:
                self._fired.clear()
        self._journal.write(AlertChanged(rule.name, change, detail))
