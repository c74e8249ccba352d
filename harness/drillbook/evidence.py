"""What a journal proves: the samples, the fault's life, the invariants.

Nothing here judges, and nothing after the tear-down (or the fault's own healing) is ever taken as evidence:
from there on the harness is at work, and no longer the responder.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drillbook.errors import JournalError
from drillbook.events import (
    DrillStarted,
    FaultChanged,
    InvariantChecked,
    PhaseStarted,
    Sampled,
)
from drillbook.journal import Entry, events
from drillbook.model import Phase

CLOCK_SLACK_S = 0.01
"""How far a sample's `end` may lie past its entry's `t` before the two can't be of one clock."""

STEADY_S = 0.3
"""How long before the fault every SLI must have been good, in seconds, or three intervals of the probes."""

Samples = Mapping[str, tuple[Sampled, ...]]


@dataclass(frozen=True, slots=True)
class CauseCheck:
    """One look at the cause of `fault`, at `t`: still `present` or not, and the evidence."""

    t: float
    fault: str
    present: bool
    evidence: str
    phase: Phase | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The facts of one journal that clocks and verdicts rest on; times are of the monotonic clock.

    `faults` names those that were to be injected, `intent` is the moment before the first was, `confirmed`
    that at which each had been confirmed (or None), and `cutoff` that from which the harness itself mends
    the stack (or else the last entry). `slis` names every SLI that was sampled at all; `samples` holds, by
    SLI and in the order of their ends, those that ended after the intent and before the cutoff, `steady`
    those of the `STEADY_S` before it. `impossible` names an SLI with a sample whose times can't be.
    """

    started: DrillStarted
    zero: float
    faults: tuple[str, ...]
    intent: float | None
    confirmed: float | None
    not_taken: str | None
    cutoff: float
    slis: tuple[str, ...]
    steady: Samples
    samples: Samples
    impossible: str | None
    causes: tuple[CauseCheck, ...]
    invariants: tuple[InvariantChecked, ...]

    @property
    def impact(self) -> float | None:
        """The start of the earliest bad sample, never before the intent; None if none was bad."""
        starts = [s.start for samples in self.samples.values() for s in samples if not s.good]
        if self.intent is None or not starts:
            return None
        return max(min(starts), self.intent)

    @property
    def watched_to(self) -> float | None:
        """The end of the last sample of the SLI that fell silent first; None if one has no sample."""
        ends = [samples[-1].end for samples in (self.samples.get(sli, ()) for sli in self.slis) if samples]
        return min(ends) if ends and len(ends) == len(self.slis) else None

    @property
    def broken_invariants(self) -> tuple[InvariantChecked, ...]:
        """The checks of invariants that did not hold."""
        return tuple(check for check in self.invariants if not check.held)


def started(entries: Sequence[Entry]) -> DrillStarted:
    """The first entry's event.

    Raises:
        JournalError: the journal does not begin with the start of a drill.
    """
    if not entries or not isinstance(entries[0].event, DrillStarted):
        raise JournalError("the journal does not begin with the start of a drill")
    return entries[0].event


def gather(entries: Sequence[Entry]) -> Evidence:
    """The evidence in `entries`.

    Raises:
        JournalError: the journal does not begin with the start of a drill.
    """
    start = started(entries)
    faults = events(entries, FaultChanged)
    intents = {fault.fault: entry.t for entry, fault in reversed(faults) if fault.change == "intent"}
    intent = min(intents.values(), default=None)
    cutoff = _cutoff(entries, intent)
    before_s = max(STEADY_S, 3 * start.probe_interval_s)
    steady, after, impossible = _samples(entries, intent, cutoff, before_s)
    return Evidence(
        started=start,
        zero=entries[0].t,
        faults=tuple(intents),
        intent=intent,
        confirmed=_confirmed(faults, intents),
        not_taken=next((fault.evidence for _, fault in faults if fault.change == "not-taken"), None),
        cutoff=cutoff,
        slis=tuple(dict.fromkeys(sample.sli for _, sample in events(entries, Sampled))),
        steady=steady,
        samples=after,
        impossible=impossible,
        causes=_causes(entries, intent, cutoff),
        invariants=tuple(check for entry, check in events(entries, InvariantChecked) if entry.t <= cutoff),
    )


def _cutoff(entries: Sequence[Entry], intent: float | None) -> float:
    for entry in entries:
        event = entry.event
        if isinstance(event, PhaseStarted) and event.phase is Phase.TEAR_DOWN:
            return entry.t
        healing = isinstance(event, FaultChanged) and event.change in ("healed", "heal-failed")
        if healing and intent is not None and entry.t >= intent:
            return entry.t
    return entries[-1].t


def _confirmed(faults: Sequence[tuple[Entry, FaultChanged]], intents: Mapping[str, float]) -> float | None:
    at: dict[str, float] = {}
    for entry, fault in faults:
        if fault.change == "confirmed" and entry.t >= intents.get(fault.fault, math.inf):
            at.setdefault(fault.fault, entry.t)
    return max(at.values()) if intents and at.keys() == intents.keys() else None


def _samples(
    entries: Sequence[Entry], intent: float | None, cutoff: float, before_s: float
) -> tuple[Samples, Samples, str | None]:
    steady_from = (cutoff if intent is None else intent) - before_s
    steady: dict[str, list[Sampled]] = defaultdict(list)
    after: dict[str, list[Sampled]] = defaultdict(list)
    impossible = None
    for entry, sample in events(entries, Sampled):
        if not entries[0].t - CLOCK_SLACK_S <= sample.start <= sample.end <= entry.t + CLOCK_SLACK_S:
            impossible = sample.sli
        elif sample.end > cutoff:
            continue
        elif intent is not None and sample.end > intent:
            after[sample.sli].append(sample)
        elif sample.end >= steady_from:
            steady[sample.sli].append(sample)
    return _by_end(steady), _by_end(after), impossible


def _by_end(samples: Mapping[str, list[Sampled]]) -> Samples:
    # A bad sample sorts after a good one that ended at the same instant: doubt counts against the cure.
    return {sli: tuple(sorted(some, key=lambda s: (s.end, not s.good))) for sli, some in samples.items()}


def _causes(entries: Sequence[Entry], intent: float | None, cutoff: float) -> tuple[CauseCheck, ...]:
    checks: list[CauseCheck] = []
    phase: Phase | None = None
    for entry in entries:
        event = entry.event
        if isinstance(event, PhaseStarted):
            phase = event.phase
        if not isinstance(event, FaultChanged) or event.change not in ("present", "gone"):
            continue
        if intent is not None and intent <= entry.t <= cutoff:
            present = event.change == "present"
            checks.append(CauseCheck(entry.t, event.fault, present, event.evidence, phase))
    return tuple(checks)
