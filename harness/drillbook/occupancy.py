"""How busy the processors were while a drill ran: where nothing was left of them, the drill was starved."""

from __future__ import annotations

import psutil

# Of all processor time; with less to spare, what a drill measures is this machine and not the stack.
FULL = 0.97


class Occupancy:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._before = _times()

    def share(self) -> float:
        """The share of all processor time since then that was used, from 0 to 1."""
        idle, total = (after - before for after, before in zip(_times(), self._before, strict=True))
        if total <= 0:
            return 0.0
        return min(1.0, max(0.0, 1.0 - idle / total))  # the machine's own sums are true to a hundredth


def _times() -> tuple[float, float]:
    """The idle and the whole processor time since this machine began, in seconds over all processors."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Linux counts the time of guests as that of users already.
    whole = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return idle, whole
