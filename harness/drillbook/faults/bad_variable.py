"""A variable of the service, set to what the service can't work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from drillbook.app import app_of
from drillbook.errors import FaultNotTaken, NotApplicable
from drillbook.protocols import Stack
from drillbook.waiting import until

_SHOW_DEADLINE_S = 20.0


class BadVariable:
    """Sets `variable` to `value`, which deploys the current release with it.

    Args:
        name: the fault's name.
        variable: the variable; empty for the one with which the app, by its own word, does not serve.
        value: what it is set to; likewise.
        shows: evidence that the service can't work with it, or None while it can.
    """

    def __init__(
        self,
        name: str,
        variable: str = "",
        value: str = "",
        *,
        shows: Callable[[Stack], Awaitable[str | None]],
    ) -> None:
        self.name = name
        self._variable = variable
        self._value = value
        self._shows = shows
        self._before: str | None = None

    async def inject(self, stack: Stack) -> None:
        """Set it, and wait until that shows."""
        if not self._variable:
            said = app_of(stack).bad_variable
            if not said:
                raise NotApplicable("The plan names no variable with which the app does not serve")
            self._variable, self._value = said
        self._before = stack.platform.variables().get(self._variable)
        await stack.platform.set_variables({self._variable: self._value})

        async def shows() -> bool:
            return await self._shows(stack) is not None

        await until(shows, deadline_s=_SHOW_DEADLINE_S, what=f"the value of {self._variable} shows")

    async def confirm(self, stack: Stack) -> str:
        """It is set, and that shows."""
        cause = await self.cause(stack)
        seen = await self._shows(stack)
        if cause is None or seen is None:
            raise FaultNotTaken(f"{self._variable}={self._value} does not show")
        return f"{cause}: {seen}"

    async def cause(self, stack: Stack) -> str | None:
        """The variable, for as long as the deployment that serves, or the next one, gets that value."""
        for whose, variables in (
            ("the deployment that serves", stack.platform.current().variables),
            ("the next deployment", stack.platform.variables()),
        ):
            if variables.get(self._variable) == self._value:
                return f"{whose} has {self._variable}={self._value}"
        return None

    async def heal(self, stack: Stack) -> None:
        """Set it to what it was; a variable that was not there gets no value, which is the same."""
        if await self.cause(stack) is not None:
            await stack.platform.set_variables({self._variable: self._before or ""})
