"""A release with a bug, deployed through the platform as any release is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from drillbook.errors import FaultNotTaken
from drillbook.protocols import Deployment, Stack
from drillbook.waiting import until

_SHOW_DEADLINE_S = 10.0


class BadRelease:
    """Deploys `release`; its cause is gone when another release serves.

    Args:
        name: the fault's name.
        release: the release to deploy.
        shows: evidence that the bug is at work, or None while it is not.
        age_s: how old what the bug did is on the server's clock when the drill goes on, in seconds.
    """

    def __init__(
        self,
        name: str,
        release: str,
        *,
        shows: Callable[[Stack], Awaitable[str | None]],
        age_s: float = 0.0,
    ) -> None:
        self.name = name
        self._release = release
        self._shows = shows
        self._age_s = age_s
        self._before: Deployment | None = None

    async def inject(self, stack: Stack) -> None:
        """Deploy it, wait for its bug to show, and let that grow old."""
        self._before = stack.platform.current()
        await stack.platform.deploy(self._release)

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
        """The release, for as long as it is the one that serves."""
        if stack.platform.current().release != self._release:
            return None
        seen = await self._shows(stack)
        return f"{self._release} still serves" + (f": {seen}" if seen else "")

    async def heal(self, stack: Stack) -> None:
        """Deploy what served before."""
        if self._before is not None and stack.platform.current().release == self._release:
            await stack.platform.deploy(self._before.release, variables=self._before.variables)
