"""A release with a bug, deployed through the platform as any release is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from drillbook.app import app_of
from drillbook.errors import FaultNotTaken
from drillbook.protocols import Deployment, Stack
from drillbook.waiting import until

Evidence: TypeAlias = Callable[[Stack], Awaitable[str | None]]
_SHOW_DEADLINE_S = 20.0


async def nothing(stack: Stack) -> None:
    """Evidence of a release that leaves nothing behind, and the way to put that right."""
    del stack


class BadRelease:
    """Deploys `release`; its cause is gone when a good release serves and nothing is left of what it did.

    Args:
        name: the fault's name.
        release: the release to deploy, by its name, or by its bug where each app has its own.
        shows: evidence that the bug is at work, or None while it is not.
        age_s: how old what the bug did is on the server's clock when the drill goes on, in seconds.
        before: bad releases that are deployed first, one right after the other.
        leaves: evidence of what the release has done that outlives it, or None where there is nothing.
        mend: puts that right; does no harm where there is nothing.
    """

    def __init__(
        self,
        name: str,
        release: str,
        *,
        shows: Evidence,
        age_s: float = 0.0,
        before: Sequence[str] = (),
        leaves: Evidence = nothing,
        mend: Callable[[Stack], Awaitable[None]] = nothing,
    ) -> None:
        self.name = name
        self._release = release
        self._bad = (*before, release)
        self._shows = shows
        self._age_s = age_s
        self._leaves = leaves
        self._mend = mend
        self._good: Deployment | None = None

    async def inject(self, stack: Stack) -> None:
        """Deploy it, wait for its bug to show, and let that grow old."""
        self._good = stack.platform.current()
        self._bad = tuple(app_of(stack).release(name) for name in self._bad)
        self._release = self._bad[-1]
        for release in self._bad:
            await stack.platform.deploy(release)

        async def shows() -> bool:
            return await self._shows(stack) is not None

        await until(shows, deadline_s=_SHOW_DEADLINE_S, what=f"the bug of {self._release} shows")
        if self._age_s:
            await stack.database.age(self._age_s)

    async def confirm(self, stack: Stack) -> str:
        """It serves, and its bug shows."""
        if stack.platform.current().release != self._release:
            raise FaultNotTaken(f"{self._release} does not serve")
        seen = await self._shows(stack)
        if seen is None:
            raise FaultNotTaken(f"{self._release} serves, and its bug does not show")
        return f"{self._release} serves: {seen}"

    async def cause(self, stack: Stack) -> str | None:
        """A bad release, for as long as one serves, and then what it has left behind."""
        serving = stack.platform.current().release
        if serving not in self._bad:
            return await self._leaves(stack)
        seen = await self._shows(stack)
        return f"{serving} still serves" + (f": {seen}" if seen else "")

    async def heal(self, stack: Stack) -> None:
        """Put right what it did, and deploy what served before."""
        await self._mend(stack)
        if self._good is not None and stack.platform.current().release in self._bad:
            await stack.platform.deploy(self._good.release, variables=self._good.variables)
            await self._mend(stack)  # what it did until it was replaced
