"""The drill and its control side by side, row by row: what the responder changed, and what time alone did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drillbook.clocks import Clocks, clocks, durations
from drillbook.events import DrillStarted
from drillbook.evidence import Evidence, gather
from drillbook.journal import Entry
from drillbook.model import Verdict
from drillbook.reporting.facts import Facts, traffic
from drillbook.reporting.text import NOT_KNOWN, seconds, share


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is compared, as the drill and as the control had it."""

    name: str
    drill: str
    control: str


def compare(facts: Facts) -> list[Row]:
    """The rows of the comparison; empty without a control that began."""
    control, verdict = facts.control, facts.result.control
    if verdict is None or not control or not isinstance(control[0].event, DrillStarted):
        return []
    left, right = _column(facts.entries, facts.result.verdict), _column(control, verdict.verdict)
    return [Row(name, left[name], right[name]) for name in left]


def _column(entries: Sequence[Entry], verdict: Verdict) -> dict[str, str]:
    evidence = gather(entries)
    times = clocks(entries)
    spans = durations(times, evidence.started.probe_interval_s)
    lasted = None if evidence.impact is None else _end(times, evidence) - evidence.impact
    seen = traffic(entries, evidence.impact, evidence.cutoff) if evidence.impact is not None else None
    still = "" if times.mitigate is not None else " and on"
    return {
        "Verdict": verdict.value,
        "Who acted": evidence.started.responder if evidence.started.responder != "none" else "nobody",
        "SLIs bad for": f"{seconds(lasted)}{still}" if lasted is not None else NOT_KNOWN,
        "Time to detect": seconds(spans.ttd),
        "Time to mitigate": seconds(spans.ttm),
        "Cause at the end": _cause(evidence),
        "Invariants": _invariants(evidence),
        "Failed requests": NOT_KNOWN
        if seen is None or not seen.requests
        else f"{seen.failures} of {seen.requests} ({share(seen.failures, seen.requests)})",
    }


def _cause(evidence: Evidence) -> str:
    last = {check.fault: check.present for check in evidence.causes}
    if not last:
        return "not looked at"
    return "still there" if any(last.values()) else "gone"


def _invariants(evidence: Evidence) -> str:
    if not evidence.invariants:
        return "not checked"
    broken = evidence.broken_invariants
    return f"{len(broken)} of {len(evidence.invariants)} broke" if broken else "all held"


def _end(times: Clocks, evidence: Evidence) -> float:
    return times.mitigate if times.mitigate is not None else evidence.cutoff
