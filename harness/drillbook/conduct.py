"""How somebody at the desk went about it: acknowledged when, what updates, which hints, a false all-clear.

Made from a journal alone; it judges nothing, and no verdict hangs on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drillbook.clocks import Clocks
from drillbook.desk.responder import due
from drillbook.desk.updates import says_resolved
from drillbook.events import DrillStarted, HintTaken, ResponderActed, UpdateSent
from drillbook.evidence import gather
from drillbook.journal import Entry, build, events
from drillbook.model import Runbook

UNNOTICED_S = 20.0
"""How long all was well before the all-clear for that to have gone unnoticed, in seconds."""

SLACK = 0.1
"""By which share of its interval an update may be late."""


@dataclass(frozen=True, slots=True)
class Due:
    """An update that the runbook asks for: what for, and by when it was sent or not.

    `moment` is `start`, `interval` or `resolution`; `by` and `sent` are of the monotonic clock, `sent` None
    where none was in time.
    """

    moment: str
    by: float
    sent: float | None


@dataclass(frozen=True, slots=True)
class Conduct:
    """What somebody at the desk did, beside the steps. Times are in seconds, moments of the monotonic clock.

    `paged` is when the page came; `response_s` the time that the runbook gives the severity, as it passes in
    the drill, None where it gives none. `unnoticed_s` is for how long all was well before the all-clear,
    where that was longer than `UNNOTICED_S`, else 0.
    """

    paged: float | None
    acknowledged_s: float | None
    response_s: float | None
    updates: tuple[tuple[float, UpdateSent], ...]
    due: tuple[Due, ...]
    hints: tuple[tuple[float, HintTaken], ...]
    false_all_clears: tuple[tuple[float, str], ...]
    unnoticed_s: float
    gave_up: bool

    @property
    def in_time(self) -> int:
        """How many of the updates that were due were sent in time."""
        return sum(each.sent is not None for each in self.due)


def conduct(entries: Sequence[Entry], times: Clocks) -> Conduct:
    """The conduct in the journal `entries`, whose clocks are `times`.

    Raises:
        JournalError: the journal does not begin with the start of a drill.
    """
    evidence = gather(entries)
    start = evidence.started
    acts = events(entries, ResponderActed)
    paged = times.detect if times.detect is not None else times.impact
    acknowledged = times.ack - paged if times.ack is not None and paged is not None else None
    sent = tuple((entry.t, update) for entry, update in events(entries, UpdateSent))
    ended = times.declared if times.declared is not None else evidence.cutoff
    all_clear = any(act.change == "declared" for _, act in acts)
    waited = ended - times.mitigate if all_clear and times.mitigate is not None else 0.0
    return Conduct(
        paged=paged,
        acknowledged_s=acknowledged,
        response_s=response_s(start),
        updates=sent,
        due=_due(start, paged, ended, sent, all_clear=all_clear) if paged is not None else (),
        hints=tuple((entry.t, taken) for entry, taken in events(entries, HintTaken)),
        false_all_clears=tuple((e.t, act.detail) for e, act in acts if act.change == "false-all-clear"),
        unnoticed_s=waited if waited > UNNOTICED_S else 0.0,
        gave_up=any(act.change == "gave-up" for _, act in acts),
    )


def response_s(start: DrillStarted) -> float | None:
    """The response time of the drill's severity in seconds of the drill, or None if the runbook has none."""
    levels = start.runbook.get("severities")
    for level in levels if isinstance(levels, list) else []:
        if isinstance(level, dict) and level.get("level") == start.severity:
            seconds = level.get("response_s")
            if isinstance(seconds, int | float):
                return seconds / start.clock_speed
    return None


def _due(
    start: DrillStarted,
    paged: float,
    ended: float,
    sent: Sequence[tuple[float, UpdateSent]],
    *,
    all_clear: bool,
) -> tuple[Due, ...]:
    """The updates that the runbook asks for, each with the one that was sent for it.

    The first is due within the response time of the severity (or one interval); those at an interval are due
    no later than it after the one before; that of the resolution before the all-clear, where there is one.
    """
    asked = {
        cadence.moment: cadence
        for cadence in reversed(due(build(Runbook, start.runbook), start.severity) if start.runbook else [])
    }
    interval = asked.get("interval")
    every = interval.interval_s / start.clock_speed if interval and interval.interval_s else None
    moments = [t for t, _ in sent]
    out = []
    if "start" in asked:
        by = paged + (response_s(start) or every or 60.0)
        out.append(Due("start", by, next((t for t in moments if t <= by), None)))
    if every:
        last = paged
        while last + every * (1 + SLACK) < ended:
            by = last + every * (1 + SLACK)
            within = [t for t in moments if last < t <= by]
            out.append(Due("interval", by, within[0] if within else None))
            last = within[-1] if within else last + every
    if "resolution" in asked and all_clear:
        said = [t for t, update in sent if says_resolved(update.text) and t <= ended]
        out.append(Due("resolution", ended, said[-1] if said else None))
    return tuple(out)
