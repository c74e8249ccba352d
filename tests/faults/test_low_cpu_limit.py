"""The oracle of the low processor limit, on figures such as a busy host gives: none can be had on demand."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

from drillbook.faults.low_cpu_limit import LowCpuLimit
from drillbook.protocols import Limits, Stack, Use

NEED = 0.4


class Platform:
    """Replicas whose use of the processor is what the script says, one figure a look."""

    def __init__(self, *looks: float) -> None:
        # Asked once whether it is measured, and once for the figure.
        self._answers: Iterator[float] = iter([figure for figure in looks for _ in range(2)])
        self._limits = Limits()
        self.replicas = 1

    def use(self) -> list[Use]:
        return [Use(cpu=next(self._answers), since=time.monotonic())] * self.replicas

    def limits(self) -> Limits:
        return self._limits

    async def set_limits(self, limits: Limits, *, redeploy: bool) -> None:
        assert not redeploy
        self._limits = limits


def cause_after(*looks: float, replicas: int = 1) -> str | None:
    """What the oracle says of a fault that was injected under a load of NEED, when it then sees `looks`."""
    platform = Platform(NEED, *looks)
    stack = cast("Stack", SimpleNamespace(platform=platform))
    fault = LowCpuLimit("thrift", share=0.5)

    async def drill() -> str | None:
        await fault.inject(stack)
        assert platform.limits().cpu == NEED / 2
        platform.replicas = replicas
        return await fault.cause(stack)

    return asyncio.run(drill())


def test_one_second_in_which_a_busy_host_gave_the_replica_little_does_not_take_the_cause_away() -> None:
    seen = cause_after(0.1, 0.05, 0.2)
    assert seen is not None
    assert "the load needs 0.40" in seen


def test_a_replica_that_has_time_to_spare_at_each_look_is_short_of_nothing() -> None:
    assert cause_after(0.1, 0.1, 0.1) is None


def test_replicas_that_may_together_use_what_the_load_needs_are_short_of_nothing() -> None:
    assert cause_after(0.2, replicas=3) is None


def test_healing_sets_the_limits_from_before() -> None:
    platform = Platform(NEED)
    stack = cast("Stack", SimpleNamespace(platform=platform))
    before = dataclasses.replace(platform.limits())
    fault = LowCpuLimit("thrift")

    async def drill() -> None:
        await fault.inject(stack)
        assert platform.limits() != before
        await fault.heal(stack)

    asyncio.run(drill())
    assert platform.limits() == before
