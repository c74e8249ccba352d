"""The responder that does nothing: the control."""

from __future__ import annotations

from drillbook.protocols import Watch


class NoResponder:
    """Watches for `watch_s` seconds, or until the SLIs have held for `hold_s`."""

    name = "none"

    def __init__(self, watch: Watch, *, watch_s: float, hold_s: float) -> None:
        self._watch = watch
        self._watch_s = watch_s
        self._hold_s = hold_s

    async def respond(self) -> None:
        """Do nothing, for long enough."""
        await self._watch.wait_until_holds(self._hold_s, self._watch_s)
