"""The responder that knows: it waits, sees that nothing heals by itself, and applies the reference cure.

It proves that a variant can be cured, and that the oracle can pass; it says nothing of any runbook.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from drillbook.events import ResponderActed
from drillbook.journal import Journal
from drillbook.protocols import Watch


class ReferenceResponder:
    """Applies `cure`.

    Args:
        cure: does what a well-informed engineer would do.
        about: the cure in a sentence.
        journal: takes what happens.
        watch: the SLIs.
        settle_s: how long it does nothing first, in seconds.
        hold_s: how long the SLIs are to hold after the cure, in seconds.
        patience_s: how long after the cure they may take to, in seconds.
    """

    name = "reference"

    def __init__(
        self,
        cure: Callable[[], Awaitable[None]],
        about: str,
        journal: Journal,
        watch: Watch,
        *,
        settle_s: float,
        hold_s: float,
        patience_s: float,
    ) -> None:
        self._cure = cure
        self._about = about
        self._journal = journal
        self._watch = watch
        self._settle_s = settle_s
        self._hold_s = hold_s
        self._patience_s = patience_s

    async def respond(self) -> None:
        """Do nothing for a while, then cure."""
        if await self._watch.wait_until_holds(self._hold_s, self._settle_s):
            self._journal.write(ResponderActed(self.name, "finished", "it healed though nobody acted"))
            return
        self._journal.write(ResponderActed(self.name, "cured", self._about))
        await self._cure()
        if await self._watch.wait_until_holds(self._hold_s, self._patience_s):
            self._journal.write(ResponderActed(self.name, "declared", "the SLIs hold"))
        else:
            self._journal.write(ResponderActed(self.name, "finished", "the cure is done"))
