"""The facts of a run, as every part of a report needs them: the result, the runbook, the times.

Made from the two journals of a run and nothing else; it adds no conclusion to those of the result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from drillbook.clocks import Clocks, clocks
from drillbook.events import DrillStarted, StepEnded, StepStarted, TrafficCounted
from drillbook.evidence import Evidence, gather
from drillbook.journal import Entry, events
from drillbook.model import Runbook
from drillbook.reporting.text import Code, Text, shortened
from drillbook.result import DrillResult, parsed_runbook

MINUS = "\N{MINUS SIGN}"


def called(text: str, command: str) -> Text:
    """What a step is called: its text in quotes, or as code where its text is but its command."""
    return (Code(shortened(command)),) if text.strip() in ("", command.strip()) else (f"“{text}”",)


@dataclass(frozen=True, slots=True)
class TrafficSum:
    """What customers saw over some time: requests, failures, and the failures by their reason."""

    requests: int
    failures: int
    errors: tuple[tuple[str, int], ...]
    worst_p95_s: float | None


@dataclass(frozen=True, slots=True)
class Facts:
    """One run. `times` are of the monotonic clock; `result` holds them in seconds since the first entry."""

    result: DrillResult
    entries: Sequence[Entry]
    control: Sequence[Entry] | None
    start: DrillStarted
    runbook: Runbook
    evidence: Evidence
    times: Clocks

    def wall(self, t: float) -> datetime:
        """The UTC time of the monotonic time `t`."""
        return self.entries[0].wall + timedelta(seconds=t - self.entries[0].t)

    @property
    def origin(self) -> float:
        """Where a report's seconds begin: the impact, else the injection, else the first entry."""
        for t in (self.times.impact, self.times.inject, self.evidence.intent):
            if t is not None:
                return t
        return self.entries[0].t

    def since(self, t: float) -> str:
        """`t` as seconds since the origin, with its sign: `+4.52`."""
        return f"{round(t - self.origin, 2) + 0.0:+.2f}".replace("-", MINUS)

    def section_line(self, title: str) -> int | None:
        """The line of the runbook's section `title`, or None if it has none of that title."""
        return next((section.line for section in self.runbook.sections if section.title == title), None)

    def steps_run(self) -> list[tuple[Entry, StepStarted, StepEnded | None]]:
        """The steps that were begun, each with its end, if it came to that."""
        ends = {end.id: end for _, end in events(self.entries, StepEnded)}
        return [(entry, step, ends.get(step.id)) for entry, step in events(self.entries, StepStarted)]


def facts(result: DrillResult, entries: Sequence[Entry], control: Sequence[Entry] | None) -> Facts:
    """The facts of a run from its result and its journals.

    Raises:
        JournalError: the journal does not begin with the start of a drill.
    """
    evidence = gather(entries)
    runbook = parsed_runbook(evidence.started)
    return Facts(result, entries, control, evidence.started, runbook, evidence, clocks(entries))


def traffic(entries: Sequence[Entry], start: float, end: float) -> TrafficSum:
    """What customers saw in the windows that ended between `start` and `end` of the monotonic clock."""
    seen = [count for _, count in events(entries, TrafficCounted) if start < count.end <= end]
    errors: Counter[str] = Counter()
    for window in seen:
        errors.update(window.errors)
    slowest = [window.p95_s for window in seen if window.p95_s is not None]
    return TrafficSum(
        requests=sum(window.requests for window in seen),
        failures=sum(window.failures for window in seen),
        errors=tuple(errors.most_common()),
        worst_p95_s=max(slowest, default=None),
    )
