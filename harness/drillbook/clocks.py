"""The clocks of a drill and the durations between them, from probes and never from exit codes.

Made from a journal alone. A clock that the evidence does not carry is None: it is never guessed, and no
clock stands before the one that it must follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

from drillbook.events import AlertChanged, ResponderActed, Sampled, StepStarted
from drillbook.evidence import CauseCheck, Evidence, gather
from drillbook.journal import Entry, events
from drillbook.model import Phase


@dataclass(frozen=True, slots=True)
class Clocks:
    """The moments of a drill, in seconds of the monotonic clock; None where one did not come.

    `inject` the fault is confirmed live; `impact` the first bad SLI sample; `detect` the alert fires; `ack`
    the responder begins; `act` the first state-changing command; `mitigate` the start of the good window
    that lasts; `declared` the responder says done (or has nothing left to do); `resolve` mitigated, cause
    gone, invariants held.
    """

    inject: float | None = None
    impact: float | None = None
    detect: float | None = None
    ack: float | None = None
    act: float | None = None
    mitigate: float | None = None
    declared: float | None = None
    resolve: float | None = None

    def items(self) -> list[tuple[str, float]]:
        """The clocks that came, by name, in the order of their definition."""
        pairs = [(f.name, getattr(self, f.name)) for f in fields(self)]
        return [(name, t) for name, t in pairs if t is not None]

    def since(self, zero: float) -> Clocks:
        """The same clocks in seconds since `zero`, to the millisecond."""
        return Clocks(**{name: round(t - zero, 3) for name, t in self.items()})


@dataclass(frozen=True, slots=True)
class Durations:
    """TTD, TTA, TTM and TTR in seconds, each true to `error_s` (the probe's interval); None if not known."""

    ttd: float | None = None
    tta: float | None = None
    ttm: float | None = None
    ttr: float | None = None
    error_s: float = 0.0


def clocks(entries: Sequence[Entry]) -> Clocks:
    """The clocks of the journal `entries`.

    Raises:
        JournalError: the journal does not begin with the start of a drill.
    """
    evidence = gather(entries)
    intent, impact = evidence.intent, evidence.impact
    if intent is None:
        return Clocks()
    detect = _first(entries, AlertChanged, intent, "fired")
    if detect is not None and impact is not None:
        # A rule may see the fault before a probe does: it is then detected as its impact begins.
        detect = max(detect, impact)
    act = next((e.t for e, s in events(entries, StepStarted) if e.t >= intent and s.state_changing), None)
    mitigate = mitigated(evidence)
    return Clocks(
        inject=evidence.confirmed,
        impact=impact,
        detect=detect,
        ack=_first(entries, ResponderActed, intent, "ack"),
        act=act,
        mitigate=mitigate,
        declared=_first(entries, ResponderActed, intent, "declared", "finished", "gave-up"),
        resolve=mitigate if mitigate is not None and _sound(evidence, mitigate) else None,
    )


def durations(times: Clocks, error_s: float) -> Durations:
    """The durations between `times`; `error_s` is the probe's interval in seconds."""
    return Durations(
        ttd=_span(times.impact, times.detect),
        tta=_span(times.detect, times.ack),
        ttm=_span(times.impact, times.mitigate),
        ttr=_span(times.impact, times.resolve),
        error_s=error_s,
    )


def mitigated(evidence: Evidence) -> float | None:
    """When the good window that lasts begins, or None if there is no such window.

    Each SLI is good from the end of its first good sample after its last bad one; the window begins when
    the last of them is. It lasts if every SLI was sampled in it for `hold_s`, true to the probe's interval.
    An SLI without samples, or whose last one is bad, leaves no window.
    """
    start = evidence.impact
    end = evidence.watched_to
    if start is None or end is None:
        return None
    for samples in evidence.samples.values():
        since = good_since(samples)
        if since is None:
            return None
        start = max(start, since)
    held = end >= start and end - start >= evidence.started.hold_s - evidence.started.probe_interval_s
    return start if held else None


def good_since(samples: Sequence[Sampled]) -> float | None:
    """The end of the first good sample after the last bad one; None if the last is bad or there is none."""
    since = None
    for sample in samples:
        if not sample.good:
            since = None
        elif since is None:
            since = sample.end
    return since


def silence(evidence: Evidence, start: float) -> tuple[str, float]:
    """The SLI with the longest gap between two samples since `start`, and that gap in seconds."""
    longest = ("", 0.0)
    for sli, samples in evidence.samples.items():
        ends = [start, *(s.end for s in samples if s.end >= start)]
        gap = max((after - before for before, after in pairwise(ends)), default=0.0)
        longest = max(longest, (sli, gap), key=lambda pair: pair[1])
    return longest


def verified_causes(evidence: Evidence) -> dict[str, CauseCheck]:
    """By fault the last look at its cause that was taken while verifying."""
    return {check.fault: check for check in _verifying(evidence)}


def came_back(evidence: Evidence) -> CauseCheck | None:
    """The look that found a cause present after a look had found it gone, while verifying; None if none."""
    gone: set[str] = set()
    for check in _verifying(evidence):
        if not check.present:
            gone.add(check.fault)
        elif check.fault in gone:
            return check
    return None


def _verifying(evidence: Evidence) -> list[CauseCheck]:
    return [check for check in evidence.causes if check.phase in (Phase.VERIFY, Phase.INVARIANTS)]


def _sound(evidence: Evidence, mitigate: float) -> bool:
    last = verified_causes(evidence)
    checked = last.keys() == set(evidence.faults)
    gone = checked and all(not check.present and check.t >= mitigate for check in last.values())
    held = bool(evidence.invariants) and not evidence.broken_invariants
    return gone and came_back(evidence) is None and held


def _first(
    entries: Sequence[Entry], kind: type[AlertChanged | ResponderActed], since: float, *changes: str
) -> float | None:
    seen = [(entry.t, event.change) for entry, event in events(entries, kind) if entry.t >= since]
    for change in changes:  # in the order of preference
        for t, made in seen:
            if made == change:
                return t
    return None


def _span(start: float | None, end: float | None) -> float | None:
    if start is None or end is None or end < start:
        return None
    return round(end - start, 3)
