"""The external provider takes another key than the service has."""

from __future__ import annotations

from drillbook.errors import FaultNotTaken
from drillbook.protocols import Stack


class RotatedKey:
    """Makes the provider take nothing but a new key.

    Args:
        name: the fault's name.
        variable: the service's variable that holds its key.
        key: the new key.
    """

    def __init__(self, name: str, *, variable: str, key: str) -> None:
        self.name = name
        self.variable = variable
        self.key = key

    async def inject(self, stack: Stack) -> None:
        """Rotate it."""
        await stack.provider.set_key(self.key)

    async def confirm(self, stack: Stack) -> str:
        """The provider refuses what the service has."""
        seen = await self.cause(stack)
        if seen is None:
            raise FaultNotTaken("the provider takes the key that the service has")
        return seen

    async def cause(self, stack: Stack) -> str | None:
        """That the provider takes another key than that of the deployment that serves."""
        taken = await stack.provider.key()
        if taken is None or taken == stack.platform.current().variables.get(self.variable):
            return None
        return f"the provider refuses the key that is in {self.variable}"

    async def heal(self, stack: Stack) -> None:
        """Let the provider take any key, as before."""
        await stack.provider.set_key(None)
