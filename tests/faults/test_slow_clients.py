"""The oracle of the slow clients, in the moment in which they are between two replicas."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from drillbook.protocols import Stack
from drillbook.registry import scenarios

RELEASE = "r2026_11_24"


class Clients:
    """Slow clients who hear nothing until their replica has gone, and are then answered as the test says."""

    def __init__(self, then: dict[str, int], *, after_s: float) -> None:
        self._then = then
        self._when = time.monotonic() + after_s

    def answers(self, _within_s: float) -> dict[str, int]:
        return self._then if time.monotonic() >= self._when else {}


@pytest.mark.parametrize(("then", "gone"), [({"HTTP 403": 20}, True), ({}, False)], ids=["blocked", "let in"])
def test_whoever_is_drained_with_the_replica_before_is_given_time_to_ask_anew(
    then: dict[str, int], *, gone: bool
) -> None:
    variants = {variant.name: variant for variant in scenarios()["rate-limiting"].variants}
    fault = cast("Any", variants["slow-clients"].fault())
    platform = SimpleNamespace(current=lambda: SimpleNamespace(release=RELEASE))

    async def cause() -> str | None:
        fault._flood = Clients(then, after_s=0.4)
        seen: str | None = await fault.cause(cast("Stack", SimpleNamespace(platform=platform)))
        return seen

    assert (asyncio.run(cause()) is None) == gone
