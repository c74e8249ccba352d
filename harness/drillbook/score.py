"""The score of a drill: 0 to 100 points, as the sum of named parts that each say why.

A score weighs what the verdict has already decided; it must never decide anything itself. A drill that has
no say on the runbook has no score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drillbook.clocks import Clocks, Durations, mitigated
from drillbook.conduct import Conduct, conduct, response_s
from drillbook.events import StepEnded
from drillbook.evidence import gather
from drillbook.journal import Entry, events
from drillbook.model import Objectives, Verdict
from drillbook.spec import AT_THE_DESK
from drillbook.verdict import NO_SAY

# The most that each part can earn; together 100.
RESOLVED = 50.0
RESOLVED_IN_TIME = 15.0
DETECTED_IN_TIME = 10.0
ACKNOWLEDGED = 5.0
UNHARMED = 10.0
UNBROKEN = 10.0
# The same for whoever acts at the desk: neither the alerts nor what the runbook has as written are theirs.
DESK_RESOLVED = 40.0
DESK_RESOLVED_IN_TIME = 10.0
DESK_ACKNOWLEDGED = 10.0
DESK_UNHARMED = 10.0
UPDATED = 10.0
UNHINTED = 15.0
TRUE_ALL_CLEAR = 5.0
HINT_COSTS = (3.0, 3.0, 3.0, 6.0)
"""What a hint costs, by its level."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a score: `points` of at most `maximum`, and why."""

    name: str
    points: float
    maximum: float
    why: str


@dataclass(frozen=True, slots=True)
class Score:
    """The points of a drill and the parts that they are the sum of."""

    total: float
    parts: tuple[Part, ...]


def score(entries: Sequence[Entry], verdict: Verdict, times: Clocks, spans: Durations) -> Score | None:
    """The score of the journal `entries`, or None where the drill has no say on the runbook.

    Args:
        entries: the drill's journal.
        verdict: the verdict on it, its control taken into account.
        times: its clocks.
        spans: its durations.

    Raises:
        JournalError: the journal does not begin with the start of a drill.
    """
    if verdict in NO_SAY:
        return None
    parts = (
        _at_the_desk(entries, verdict, times, spans)
        if gather(entries).started.responder in AT_THE_DESK
        else _by_itself(entries, verdict, times, spans)
    )
    if verdict is Verdict.SELF_HEALED:
        why = "it heals by itself: the responder earns nothing"
        parts = tuple(Part(part.name, 0.0, part.maximum, why) for part in parts)
    return Score(round(sum(part.points for part in parts), 1), parts)


def _by_itself(
    entries: Sequence[Entry], verdict: Verdict, times: Clocks, spans: Durations
) -> tuple[Part, ...]:
    return (
        _resolved(verdict),
        _in_time("resolved in time", RESOLVED_IN_TIME, spans.ttr, _objectives(entries).resolve_s, verdict),
        _in_time("detected in time", DETECTED_IN_TIME, spans.ttd, _objectives(entries).detect_s, None),
        _acknowledged(entries, times),
        _unharmed(entries),
        _unbroken(entries, verdict),
    )


def _at_the_desk(
    entries: Sequence[Entry], verdict: Verdict, times: Clocks, spans: Durations
) -> tuple[Part, ...]:
    did = conduct(entries, times)
    resolve_s = _objectives(entries).resolve_s
    return (
        _scaled(_resolved(verdict), DESK_RESOLVED),
        _in_time("resolved in time", DESK_RESOLVED_IN_TIME, spans.ttr, resolve_s, verdict),
        _scaled(_acknowledged(entries, times), DESK_ACKNOWLEDGED),
        _scaled(_unharmed(entries), DESK_UNHARMED),
        _updated(did),
        _unhinted(did),
        _true_all_clear(did, verdict),
    )


def _scaled(part: Part, maximum: float) -> Part:
    return Part(part.name, round(part.points * maximum / part.maximum, 1), maximum, part.why)


def _updated(did: Conduct) -> Part:
    name, asked = "updates in time", len(did.due)
    if not asked:
        return Part(name, UPDATED, UPDATED, "the runbook asked for none")
    open_ones = sum(bool(update.unfilled) for _, update in did.updates)
    points = max(0.0, UPDATED * did.in_time / asked - open_ones)
    left = f"; {open_ones} with something left open" if open_ones else ""
    return Part(name, round(points, 1), UPDATED, f"{did.in_time} of {asked} that the runbook asks for{left}")


def _unhinted(did: Conduct) -> Part:
    name, levels = "without hints", [taken.level for _, taken in did.hints]
    if not levels:
        return Part(name, UNHINTED, UNHINTED, "none was taken")
    cost = sum(HINT_COSTS[min(level, len(HINT_COSTS)) - 1] for level in levels)
    answer = ", the answer among them" if max(levels) == len(HINT_COSTS) else ""
    return Part(name, max(0.0, UNHINTED - cost), UNHINTED, f"{len(levels)} taken{answer}")


def _true_all_clear(did: Conduct, verdict: Verdict) -> Part:
    name, false = "a true all-clear", len(did.false_all_clears)
    if false:
        return Part(name, 0.0, TRUE_ALL_CLEAR, f"{false} given while customers still had errors")
    if verdict is not Verdict.RESOLVED:
        return Part(name, 0.0, TRUE_ALL_CLEAR, f"the verdict is {verdict}")
    return Part(name, TRUE_ALL_CLEAR, TRUE_ALL_CLEAR, "the first one held")


def _objectives(entries: Sequence[Entry]) -> Objectives:
    return gather(entries).started.objectives


def _resolved(verdict: Verdict) -> Part:
    points = RESOLVED if verdict is Verdict.RESOLVED else 0.0
    return Part("resolved", points, RESOLVED, f"the verdict is {verdict}")


def _in_time(
    name: str, maximum: float, took: float | None, objective_s: float, verdict: Verdict | None
) -> Part:
    """All points within the objective, none from twice the objective on, and evenly less in between."""
    if took is None or verdict not in (None, Verdict.RESOLVED):
        return Part(name, 0.0, maximum, "it never was")
    why = f"in {took:.1f} s; the objective is {objective_s:.3g} s"
    if took <= objective_s:
        return Part(name, maximum, maximum, why)
    share = max(0.0, 2 - took / objective_s) if objective_s > 0 else 0.0
    return Part(name, round(maximum * share, 1), maximum, why)


def _acknowledged(entries: Sequence[Entry], times: Clocks) -> Part:
    """Within the response time that the runbook gives the severity, on the drill's clock."""
    name = "acknowledged in time"
    since = times.detect if times.detect is not None else times.impact
    if times.ack is None or since is None:
        return Part(name, 0.0, ACKNOWLEDGED, "nobody began to respond")
    limit_s = response_s(gather(entries).started)
    if limit_s is None:
        return Part(name, ACKNOWLEDGED, ACKNOWLEDGED, "the responder began; the runbook sets no time for it")
    return _in_time(name, ACKNOWLEDGED, max(0.0, times.ack - since), limit_s, None)


def _unharmed(entries: Sequence[Entry]) -> Part:
    name = "invariants held"
    evidence = gather(entries)
    checks, broken = evidence.invariants, evidence.broken_invariants
    if broken:
        return Part(name, 0.0, UNHARMED, f"{broken[0].name} broke")
    if not checks:
        return Part(name, 0.0, UNHARMED, "none was checked")
    if not events(entries, StepEnded) and mitigated(evidence) is None:
        return Part(name, 0.0, UNHARMED, "nothing was done that could have harmed")
    return Part(name, UNHARMED, UNHARMED, f"{len(checks)} of {len(checks)} checks held")


def _unbroken(entries: Sequence[Entry], verdict: Verdict) -> Part:
    name = "steps run as written"
    steps = [step for _, step in events(entries, StepEnded)]
    if not steps:
        points = UNBROKEN if verdict is Verdict.RESOLVED else 0.0
        return Part(name, points, UNBROKEN, "no step was carried out")
    sound = sum(not step.broken for step in steps)
    points = round(UNBROKEN * sound / len(steps), 1)
    return Part(name, points, UNBROKEN, f"{sound} of {len(steps)} steps carried out ran as written")
