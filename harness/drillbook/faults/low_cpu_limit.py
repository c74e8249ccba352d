"""A limit of processor time that is lower than what the load needs."""

from __future__ import annotations

import asyncio
import dataclasses

from drillbook.errors import FaultNotTaken
from drillbook.protocols import Limits, Stack
from drillbook.waiting import until

_MEASURE_S = 1.0
_SHOW_DEADLINE_S = 8.0
# Of a second; a replica that is kept from running for less of it keeps up with what it is asked.
_MUCH = 0.3


class LowCpuLimit:
    """Limits each replica to a share of what the service uses; the cause is gone when none is held back much.

    Args:
        name: the fault's name.
        share: how much of what one replica uses now it may use from then on.
    """

    def __init__(self, name: str, *, share: float = 0.6) -> None:
        self.name = name
        self._share = share
        self._before: Limits | None = None

    async def inject(self, stack: Stack) -> None:
        """See what the load needs, set the limit for those that run, and wait until it holds them back."""
        await asyncio.sleep(_MEASURE_S)  # a rate of use can only be measured over a time
        need = max(use.cpu for use in stack.platform.use())
        before = self._before = stack.platform.limits()
        await stack.platform.set_limits(dataclasses.replace(before, cpu=self._share * need), redeploy=False)

        async def shows() -> bool:
            return await self.cause(stack) is not None

        await until(shows, deadline_s=_SHOW_DEADLINE_S, what="a replica is held back")

    async def confirm(self, stack: Stack) -> str:
        """A replica is held back."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken("no replica is held back by its limit")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """How much of the last second a replica was kept from running by its limit, if that was much."""
        limit = stack.platform.limits().cpu
        most = max((use.throttled for use in stack.platform.use()), default=0.0)
        if limit is None or most < _MUCH:
            return None
        return (
            f"a replica may use {limit:.2f} processors, and was held back for {most:.0%} of the last second"
        )

    async def heal(self, stack: Stack) -> None:
        """Set the limit that was there before, for the replicas that run."""
        if self._before is not None and stack.platform.limits() != self._before:
            await stack.platform.set_limits(self._before, redeploy=False)
