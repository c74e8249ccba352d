"""Looks that share one: for a probe that costs the system more than it may be asked at the drill's cadence.

A look begins a real one, unless that was done a moment ago; then it has what that one shows.
"""

from __future__ import annotations

import asyncio

from drillbook.protocols import Observation, Probe


class SharedLooks:
    """Looks through `probe` at most once in `every_s` seconds.

    Args:
        probe: what really looks.
        every_s: how long after the beginning of a real look the next one may begin, in seconds.
    """

    def __init__(self, probe: Probe, *, every_s: float = 0.12) -> None:
        self.sli = probe.sli
        self.deadline_s = probe.deadline_s
        self.slow_s = probe.slow_s
        self._probe = probe
        self._every_s = every_s
        self._look: asyncio.Task[Observation] | None = None
        self._running: set[asyncio.Task[Observation]] = set()
        self._due = float("-inf")

    async def observe(self) -> Observation:
        """What the real look that is the newest shows; raises what that raises."""
        now = asyncio.get_running_loop().time()
        if self._look is None or now >= self._due:
            self._due = now + self._every_s
            self._look = asyncio.create_task(self._really_look())
            self._running.add(self._look)
            self._look.add_done_callback(self._ended)
        return await asyncio.shield(self._look)

    async def _really_look(self) -> Observation:
        clock = asyncio.get_running_loop()
        began = clock.time()
        try:
            async with asyncio.timeout(self.deadline_s):
                seen = await self._probe.observe()
        except TimeoutError:
            return Observation(good=False, detail=f"no answer within {self.deadline_s:g} s")
        took = clock.time() - began
        # A look that joins late is not to think it fast.
        if seen.good and took > self.slow_s:
            return Observation(good=False, detail=f"slow: {took:.1f} s")
        return seen

    def _ended(self, look: asyncio.Task[Observation]) -> None:
        self._running.discard(look)
        if not look.cancelled():
            look.exception()  # whoever waits has it; that nobody does any more is no error

    async def close(self) -> None:
        """Wait for the real looks that are on their way, and close the probe."""
        if self._running:
            await asyncio.wait(self._running)
        await self._probe.close()
