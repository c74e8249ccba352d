"""Journals for tests: realistic drills told second by second, written with the real event classes.

Must not judge anything: a test says what happened, and what it expects of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from drillbook.events import (
    AlertChanged,
    DrillEnded,
    DrillStarted,
    Event,
    FaultChanged,
    FindingMade,
    InvariantChecked,
    NotApplied,
    PhaseStarted,
    PlatformChanged,
    ResponderActed,
    Sampled,
    StepEnded,
    StepSkipped,
    StepStarted,
    StepWatched,
    TrafficCounted,
)
from drillbook.journal import Entry, Journal
from drillbook.model import (
    Cadence,
    ChecklistItem,
    Effect,
    Json,
    Objectives,
    Phase,
    PostMortemHeading,
    Runbook,
    Section,
    SeverityLevel,
    StatusTemplate,
    Step,
    StepKind,
    Templates,
    to_json,
)

WALL = datetime(2026, 11, 24, 9, 30, 0, tzinfo=UTC)
ZERO = 5000.0
STEP = 0.25

E = TypeVar("E", bound=Event)
END_WORDS = "ERROR:  terminating connection <b>now</b> & then\n"

STATUS = """[INCIDENT] Service Name - Brief Description

Status: Investigating / Identified / Monitoring / Resolved
Impact: [Description of user impact]
Started: [Time]
Current Action: [What's being done]
Next Update: [Time]
Ticket: [Number]
"""

QUERY = (
    "psql $DATABASE_URL -c \"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state <> 'idle'\""
)


def runbook() -> Runbook:
    """A small parsed runbook with every kind of part."""
    top, db = ("On call",), ("On call", "Locks in the database")
    headings = ("Summary", "Timeline", "Impact", "Root Cause", "Resolution", "Prevention", "Action Items")
    return Runbook(
        path="on-call.md",
        sha256="5f" * 32,
        title="On call",
        sections=(Section("On call", 1, 1, top), Section("Locks in the database", 2, 8, db)),
        severities=(SeverityLevel("SEV1", "Outage", 900.0, 5),),
        steps=(
            Step(
                12, db, StepKind.COMMAND, "Check the connection", 'psql $DATABASE_URL -c "SELECT 1"', "bash"
            ),
            Step(15, db, StepKind.COMMAND, "Kill stuck queries", QUERY, "bash", caution=True),
            Step(18, db, StepKind.MANUAL, "Identify long-running queries"),
        ),
        templates=Templates(
            StatusTemplate(40, STATUS),
            tuple(PostMortemHeading(title, "", 60 + n) for n, title in enumerate(headings)),
        ),
        cadences=(
            Cadence("start", "Incident start", 31),
            Cadence("interval", "Every 30 minutes during SEV1/SEV2", 32, 1800.0, ("SEV1", "SEV2")),
            Cadence("resolution", "Resolution", 33),
        ),
        checklist=(
            ChecklistItem(52, ("Afterwards",), "Incident documented", checked=False),
            ChecklistItem(53, ("Afterwards",), "Root cause identified", checked=False),
            ChecklistItem(54, ("Afterwards",), "Monitoring/alerts updated", checked=False),
        ),
    )


def start(book: Runbook | None = None, **changes: object) -> DrillStarted:
    """The first event of a drill; `changes` are fields that are to differ."""
    data = to_json(book or runbook())
    base = DrillStarted(
        drillbook="0.1.0",
        role="drill",
        scenario="stuck-transactions",
        variant="idle-past-threshold",
        title="Stuck transactions hold locks",
        summary="A session sits idle in a transaction and holds the lock that every write waits for.",
        responder="runbook",
        backend="local",
        sandbox=True,
        seed=7,
        severity="SEV1",
        sections=("Locks in the database",),
        runbook=data if isinstance(data, dict) else {},
        plan="drills/on-call.yaml",
        known_gap=None,
        objectives=Objectives(detect_s=5.0, resolve_s=60.0),
        deadline_s=120.0,
        settle_s=3.0,
        hold_s=2.0,
        probe_interval_s=STEP,
        strict=False,
        surface="documented",
        operator_role="superuser",
        repeat="drillbook run stuck-transactions/idle-past-threshold --seed 7",
        versions={"drillbook": "0.1.0", "postgres": "18.6", "redis": "6.2.5"},
        symptoms=("writes time out",),
        reference_cure="Terminate the session that holds the lock.",
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # the names are checked by `replace`


@dataclass
class Story:
    """A journal in the making: events at seconds since the first entry, put in their order at the end."""

    parts: list[tuple[float, Event]] = field(default_factory=list)
    zero: float = ZERO

    def at(self, t: float, *events: Event) -> Story:
        """Add `events` at second `t`."""
        self.parts += [(t, event) for event in events]
        return self

    def sample(self, sli: str, end: float, *, good: bool, seconds: float = 0.02, detail: str = "") -> Story:
        """Add a sample that ended at second `end`."""
        return self.at(end, Sampled(sli, self.zero + end - seconds, self.zero + end, good, detail))

    def samples(self, sli: str, begin: float, end: float, good: Callable[[float], bool]) -> Story:
        """Sample `sli` at the cadence from `begin` to `end`; `good` says whether it was, by the second."""
        for n in range(int((end - begin) / STEP)):
            t = begin + n * STEP
            fine = good(t)
            self.sample(sli, t + 0.02, good=fine, detail="" if fine else "no answer within 1 s")
        return self

    def without(self, *kinds: type[Event]) -> Story:
        """The same story without the events of `kinds`."""
        return Story([part for part in self.parts if not isinstance(part[1], kinds)], self.zero)

    def until(self, t: float) -> Story:
        """The same story, torn off at second `t`."""
        return Story([part for part in self.parts if part[0] < t], self.zero)

    def swap(self, kind: type[E], new: Callable[[E], Event]) -> Story:
        """The same story with each event of `kind` made anew."""
        return Story(
            [(t, new(event) if isinstance(event, kind) else event) for t, event in self.parts], self.zero
        )

    def entries(self) -> list[Entry]:
        """The story as entries in the order of their times."""
        ordered = sorted(self.parts, key=lambda part: part[0])
        return [
            Entry(n, self.zero + t, WALL + timedelta(seconds=t), event)
            for n, (t, event) in enumerate(ordered, 1)
        ]

    def write(self, path: Path) -> Path:
        """Write the story as a journal file and return its path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        times = iter([entry.t for entry in self.entries()])
        journal = Journal(path, clock=lambda: next(times))
        for entry in self.entries():
            journal.write(entry.event)
        journal.close()
        return path


def phase(name: Phase) -> PhaseStarted:
    return PhaseStarted(name)


def fault(change: str, evidence: str = "") -> FaultChanged:
    return FaultChanged("idle-in-transaction", change, evidence)


def step(ident: int, line: int, text: str, command: str, *, changes: bool = False) -> StepStarted:
    section = ("On call", "Locks in the database")
    return StepStarted(
        ident, line, section, StepKind.COMMAND, text, command, command, bound=False, caution=changes,
        state_changing=changes,
    )  # fmt: skip


def ended(
    ident: int, exit_code: int | None = 0, *, out: str = "", err: str = "", broken: str = ""
) -> StepEnded:
    return StepEnded(ident, exit_code, 0.31, out, err, timed_out=exit_code is None, broken=broken)


def traffic(begin: float, end: float, *, bad: bool, zero: float = ZERO) -> TrafficCounted:
    failures = 13 if bad else 0
    return TrafficCounted(
        zero + begin, zero + end, 20, failures, 0.031 if not bad else 0.45, 0.06 if not bad else 1.2,
        {"503": 9, "timeout": 4} if bad else {}, (f"order-{int(begin)}",),
    )  # fmt: skip


def opening(first: DrillStarted | None = None) -> Story:
    """A drill up to its alert: steady from 1 s, the fault at 4 s, bad from 4.5 s, the alert at 6 s."""
    story = Story().at(0.0, first or start(), phase(Phase.BOOT))
    story.at(1.0, phase(Phase.STEADY)).at(4.0, phase(Phase.INJECT), fault("intent"))
    story.at(4.2, fault("injected"), phase(Phase.CONFIRM)).at(
        4.4, fault("confirmed", "pid 4211 holds the lock")
    )
    return story.at(4.41, phase(Phase.DETECT)).at(6.0, AlertChanged("write-failing", "fired", "5 of 5 bad"))


def drill(
    *, first: DrillStarted | None = None, cured_at: float | None = 9.0, end: float = 16.0, cause: str = "gone"
) -> Story:
    """A whole drill: cured at `cured_at` (or never), verified until `end`, where the cause is `cause`."""
    story = opening(first)

    def good(t: float) -> bool:
        return not 4.5 <= t < (cured_at if cured_at is not None else end + 9)

    story.samples("write", 1.1, end, good).samples("health", 1.15, end, lambda _: True)
    for second in range(1, int(end)):
        story.at(second + 0.99, traffic(second, second + 0.99, bad=not good(second)))
    story.at(6.1, ResponderActed("runbook", "ack"), phase(Phase.RESPOND))
    story.at(6.2, step(1, 12, "Check the connection", 'psql $DATABASE_URL -c "SELECT 1"'))
    story.at(6.5, ended(1, out=" ?column?\n----------\n        1\n"))
    story.at(7.4, StepWatched(1, Effect.NONE, 1.0, 1.0))
    story.at(8.6, step(2, 15, "Kill stuck queries", QUERY, changes=True)).at(8.95, ended(2, err=END_WORDS))
    effect = Effect.NONE if cured_at is None else Effect.CURED
    story.at(10.1, StepWatched(2, effect, 1.0, 0.0 if cured_at is not None else 1.0))
    section = ("On call", "Locks in the database")
    story.at(
        10.2,
        StepSkipped(18, section, StepKind.MANUAL, "Identify long-running queries", "", caution=False,
                    reason="the SLIs hold"),
        ResponderActed("runbook", "finished"),
        phase(Phase.VERIFY),
        PlatformChanged("restarted", "replica 1"),
        FindingMade("no-op-step", 12, "note", "The step can't tell a blocked write from a healthy one"),
    )  # fmt: skip
    story.at(end - 1.0, fault(cause, "no backend holds the lock" if cause == "gone" else "pid 4211 is there"))
    story.at(end - 0.5, phase(Phase.INVARIANTS))
    story.at(end - 0.4, InvariantChecked("acknowledged orders are kept", held=True, detail="14 of 14"))
    story.at(end - 0.3, InvariantChecked("sessions are left alone", held=True, detail="3 of 3"))
    return story.at(end + 0.1, phase(Phase.TEAR_DOWN), fault("healed")).at(end + 0.5, DrillEnded())


def control(*, healed_at: float | None = None, end: float = 14.0, cause: str = "present") -> Story:
    """A whole control: nobody acts; good again at `healed_at`, or never."""
    story = opening(start(role="control", responder="none", runbook={}, watch_s=4.5))

    def good(t: float) -> bool:
        return not 4.5 <= t < (healed_at if healed_at is not None else end + 9)

    story.samples("write", 1.1, end, good).samples("health", 1.15, end, lambda _: True)
    for second in range(1, int(end)):
        story.at(second + 0.99, traffic(second, second + 0.99, bad=not good(second)))
    story.at(6.1, phase(Phase.VERIFY)).at(end - 0.4, fault(cause, "pid 4211 holds the lock"))
    story.at(end - 0.3, phase(Phase.INVARIANTS))
    story.at(end - 0.2, InvariantChecked("acknowledged orders are kept", held=True))
    return story.at(end + 0.1, phase(Phase.TEAR_DOWN), fault("healed")).at(end + 0.5, DrillEnded())


def not_applied(reason: str, first: DrillStarted | None = None) -> Story:
    """A drill that was passed over, since the stack lacks what it needs."""
    return Story().at(0.0, first or start()).at(0.1, NotApplied(reason), DrillEnded())


def changed(book: Runbook, **changes: object) -> Mapping[str, Json]:
    """`book` as JSON, with the fields in `changes` set."""
    data = to_json(replace(book, **changes))  # type: ignore[arg-type]  # the names are checked by `replace`
    return data if isinstance(data, dict) else {}
