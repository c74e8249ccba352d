"""An outage of the external provider, while the service can't do its work without it."""

from __future__ import annotations

from collections.abc import Callable

from drillbook.errors import FaultNotTaken, StackError
from drillbook.protocols import Stack

DOWN = "down"
_OK = "ok"


class ProviderOutage:
    """Makes the provider fail; the cause is gone when it works again or the service does without it.

    Args:
        name: the fault's name.
        mode: one of the provider's modes, or `DOWN`, where connections to it are refused.
        depends: whether what serves needs the provider.
    """

    def __init__(self, name: str, mode: str, *, depends: Callable[[Stack], bool]) -> None:
        self.name = name
        self._mode = mode
        self._depends = depends

    async def inject(self, stack: Stack) -> None:
        """Make the provider fail."""
        if self._mode == DOWN:
            await stack.provider.kill()
        else:
            await stack.provider.set_mode(self._mode)

    async def confirm(self, stack: Stack) -> str:
        """The provider fails, and what serves needs it."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken("the provider works, or the service does without it")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """How the provider fails, for as long as what serves needs it."""
        if not self._depends(stack):
            return None
        try:
            mode = await stack.provider.mode()
        except StackError as error:
            return error.message
        return None if mode == _OK else f"the provider's mode is {mode}"

    async def heal(self, stack: Stack) -> None:
        """Make the provider work."""
        await stack.provider.revive()
        await stack.provider.set_mode(_OK)
