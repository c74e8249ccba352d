"""Evidence that replicas are killed because they use more memory than they may."""

from __future__ import annotations

import time

from drillbook.protocols import Stack

RECENT_S = 3.0


async def killed_for_memory(stack: Stack) -> str | None:
    """What of the deployment that serves was killed in the last 3 seconds or for good, if anything was.

    One that lives for longer does not grow, or not so fast that it matters to a drill.
    """
    now, limit_mb = time.monotonic(), stack.platform.limits().memory_mb
    kills = sum(use.kills for use in stack.platform.use())
    last = max((use.killed for use in stack.platform.use() if use.killed is not None), default=None)
    if last is None:
        return None
    if now - last > RECENT_S and stack.platform.current().status != "CRASHED":
        return None
    limit = "no limit" if limit_mb is None else f"{limit_mb:.0f} MB"
    times = "once" if kills == 1 else f"{kills} times"
    return f"killed {times} for using more than {limit} of memory, last {now - last:.1f} s ago"
