"""A limit of processor time that is lower than what the load needs."""

from __future__ import annotations

import asyncio
import dataclasses
import time

from drillbook.errors import FaultNotTaken
from drillbook.protocols import Limits, Stack
from drillbook.waiting import until

_SHOW_DEADLINE_S = 8.0
# Of its limit; a replica that uses less of it has time to spare.
_FULL = 0.9
# Of what the load needs; with so much there is enough, though each replica has costs of its own.
_ENOUGH = 1.2
# So often in a row a replica must have time to spare before it counts as having it: on a busy host it may for
# a second get less than its limit gives it.
_LOOKS = 3


class LowCpuLimit:
    """Limits each replica to a share of what the service needs.

    The cause is gone when the replicas together may use what the load needs, or none uses all that it may.

    Args:
        name: the fault's name.
        share: how much of what one replica uses now it may use from then on.
    """

    def __init__(self, name: str, *, share: float = 0.5) -> None:
        self.name = name
        self._share = share
        self._before: Limits | None = None
        self._need = 0.0

    async def inject(self, stack: Stack) -> None:
        """See what the load needs, and set the limit for those that run."""
        replicas = await _used(stack)
        self._need = sum(replicas)
        limit = self._share * self._need / len(replicas)
        before = self._before = stack.platform.limits()
        await stack.platform.set_limits(dataclasses.replace(before, cpu=limit), redeploy=False)

    async def confirm(self, stack: Stack) -> str:
        """A replica uses all that it may; it is given time to."""
        end = asyncio.get_running_loop().time() + _SHOW_DEADLINE_S
        while asyncio.get_running_loop().time() < end:
            seen = await self.cause(stack)
            if seen is not None:
                return seen
        raise FaultNotTaken("no replica uses all that its limit gives it")

    async def cause(self, stack: Stack) -> str | None:
        """What the replicas may use and what the busiest uses, measured from now on, if both are short."""
        limit = stack.platform.limits().cpu
        if limit is None:
            return None
        for _ in range(_LOOKS):
            replicas = await _used(stack)
            most, together = max(replicas) / limit, len(replicas) * limit
            if together > _ENOUGH * self._need:
                return None
            if most >= _FULL:
                return (
                    f"a replica may use {limit:.2f} processors and used {most:.0%} of that in the last "
                    f"second; together they may use {together:.2f}, and the load needs {self._need:.2f}"
                )
        return None

    async def heal(self, stack: Stack) -> None:
        """Set the limit that was there before, for the replicas that run."""
        if self._before is not None and stack.platform.limits() != self._before:
            await stack.platform.set_limits(self._before, redeploy=False)


async def _used(stack: Stack) -> list[float]:
    """What each replica uses, in processors, over a second or so that begins now.

    Raises:
        StackError: that is not measured.
    """
    began = time.monotonic()

    async def measured() -> bool:
        return all(use.since >= began for use in stack.platform.use())

    await until(measured, deadline_s=_SHOW_DEADLINE_S, what="what the service uses is measured")
    return [use.cpu for use in stack.platform.use()] or [0.0]
