"""Processes of the service that live and do nothing more, which no platform without a health check sees."""

from __future__ import annotations

from drillbook.errors import FaultNotTaken
from drillbook.protocols import Stack
from drillbook.waiting import until

_STOP_DEADLINE_S = 5.0


class HungProcess:
    """Stops what serves where it is; the cause is gone when what serves is not stopped.

    Args:
        name: the fault's name.
    """

    def __init__(self, name: str = "hung-process") -> None:
        self.name = name

    async def inject(self, stack: Stack) -> None:
        """Stop it; that takes until the operating system has got to each of its threads."""
        await stack.platform.pause()

        async def stopped() -> bool:
            return bool(await stack.platform.paused())

        await until(stopped, deadline_s=_STOP_DEADLINE_S, what="the service's process is stopped")

    async def confirm(self, stack: Stack) -> str:
        """The operating system says so."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken("no process of the service is stopped")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """The processes that serve and are stopped, if there are any."""
        pids = ", ".join(map(str, await stack.platform.paused()))
        return f"the process {pids} of {stack.platform.current().release} is stopped" if pids else None

    async def heal(self, stack: Stack) -> None:
        """Let it go on."""
        await stack.platform.resume()
