"""Repeats: what several drills of one variant say together, and how sure that is.

Only drills of the same fault are ever put together: a mean over different faults would say nothing. A drill
that has no say on the runbook is in no denominator, and is counted beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from drillbook.clocks import Durations
from drillbook.intervals import LEVEL, wilson
from drillbook.model import Json, Verdict, to_json
from drillbook.survival import Median, Time, median
from drillbook.verdict import NO_SAY


class Drilled(Protocol):
    """What repeats need to know of a drill."""

    @property
    def scenario(self) -> str:
        """The scenario."""

    @property
    def variant(self) -> str:
        """The variant."""

    @property
    def responder(self) -> str:
        """Who acted."""

    @property
    def backend(self) -> str:
        """Where the stack ran."""

    @property
    def verdict(self) -> Verdict:
        """The verdict."""

    @property
    def known_gap(self) -> str | None:
        """Why the plan expects the runbook to fall short, or None."""

    @property
    def durations(self) -> Durations:
        """The durations in seconds."""

    @property
    def deadline_s(self) -> float:
        """How long the responder had, in seconds."""

    @property
    def run_dir(self) -> str:
        """Its run directory."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the drills that have a say ended in `verdict`: `count` of `of`, with its interval."""

    verdict: Verdict
    count: int
    of: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Spread:
    """A duration over repeats in seconds: its median with the interval, and how many were censored."""

    median: float | None
    low: float | None
    high: float | None
    of: int
    censored: int


@dataclass(frozen=True, slots=True)
class Point:
    """One drill among its repeats; a time that did not come by the deadline is None."""

    verdict: Verdict
    ttm: float | None
    ttr: float | None
    deadline_s: float
    run_dir: str


@dataclass(frozen=True, slots=True)
class Repeats:
    """The drills of one variant, by one responder, on one backend.

    `drills` is how many there were and `with_a_say` how many of them count; `left_out` tells the others by
    verdict. `flaky` says that those that count do not agree. The times of a drill that healed by itself are
    not the runbook's: it is in the verdicts, and not in `ttm` and `ttr`. `level` is the intervals'.
    """

    scenario: str
    variant: str
    responder: str
    backend: str
    known_gap: str | None
    drills: int
    with_a_say: int
    left_out: dict[str, int]
    verdicts: tuple[Share, ...]
    flaky: bool
    ttm: Spread
    ttr: Spread
    points: tuple[Point, ...]
    level: float = LEVEL

    @property
    def name(self) -> str:
        """Scenario and variant."""
        return f"{self.scenario}/{self.variant}"

    @property
    def split(self) -> str:
        """The verdicts and how often each came, such as `RESOLVED 2, NOT_RESOLVED 1`."""
        return ", ".join(f"{share.verdict} {share.count}" for share in self.verdicts)

    def to_json(self) -> Json:
        """The repeats as `--json` gives them."""
        return to_json(self)


def grouped(drills: Iterable[Drilled], *, least: int = 2) -> list[Repeats]:
    """What those of `drills` that are of the same variant say together, in the order of the first of each.

    What was run less than `least` times is left out.
    """
    groups: dict[tuple[str, ...], list[Drilled]] = {}
    for drill in drills:
        key = (drill.scenario, drill.variant, drill.responder, drill.backend, drill.known_gap or "")
        groups.setdefault(key, []).append(drill)
    return [summary(group) for group in groups.values() if len(group) >= least]


def summary(drills: Sequence[Drilled]) -> Repeats:
    """What `drills`, at least one and all of the same variant, say together."""
    first = drills[0]
    counted = [drill for drill in drills if drill.verdict not in NO_SAY]
    timed = [drill for drill in counted if drill.verdict is not Verdict.SELF_HEALED]
    return Repeats(
        scenario=first.scenario,
        variant=first.variant,
        responder=first.responder,
        backend=first.backend,
        known_gap=first.known_gap,
        drills=len(drills),
        with_a_say=len(counted),
        left_out=dict(Counter(drill.verdict.value for drill in drills if drill.verdict in NO_SAY)),
        verdicts=tuple(shares([drill.verdict for drill in counted])),
        flaky=len({drill.verdict for drill in counted}) > 1,
        ttm=spread([time(drill.durations.ttm, drill.deadline_s) for drill in timed]),
        ttr=spread([time(drill.durations.ttr, drill.deadline_s) for drill in timed]),
        points=tuple(
            Point(drill.verdict, drill.durations.ttm, drill.durations.ttr, drill.deadline_s, drill.run_dir)
            for drill in drills
        ),
    )


def over(repeats: Sequence[Repeats], most_s: float) -> list[str]:
    """The variants whose median TTR is above `most_s` seconds, each with it; known gaps are left out."""
    found = []
    for each in repeats:
        if each.known_gap is not None or not each.ttr.of:
            continue
        if each.ttr.median is None:
            found.append(f"{each.name} (not resolved)")
        elif each.ttr.median > most_s:
            found.append(f"{each.name} ({each.ttr.median:.2f} s)")
    return found


def shares(verdicts: Sequence[Verdict]) -> list[Share]:
    """How often each of `verdicts` came, the most frequent first, each with its Wilson interval."""
    found = []
    for verdict, count in Counter(verdicts).most_common():
        interval = wilson(count, len(verdicts))
        found.append(Share(verdict, count, len(verdicts), interval.low, interval.high))
    return found


def time(seconds: float | None, deadline_s: float) -> Time:
    """A duration as a time, censored at the deadline where it did not come."""
    return Time(deadline_s, ended=False) if seconds is None else Time(seconds, ended=True)


def spread(times: Sequence[Time]) -> Spread:
    """The Kaplan-Meier median of `times`."""
    found = median(times) if times else Median(None, None, None)
    censored = sum(not each.ended for each in times)
    return Spread(found.value, found.low, found.high, len(times), censored)
