"""The entries of the journal, one class a kind: all that a score or a report may know of a drill.

An event holds facts as they were measured, never conclusions: verdicts, clocks and scores are made from
these afterwards. Times named `start`, `end` and `at` are seconds of the monotonic clock, the same clock
as an entry's `t`; names that end in `_s` are durations in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from drillbook.model import Effect, Json, Machine, Objectives, Phase, Revision, StepKind

SLIS_HOLD = "the SLIs hold"
"""Why a step was not carried out that is not needed any more."""

NO_BINDING = "a manual step that the plan binds to no command"
"""Why a step was not carried out that is prose, where the plan says nothing of it."""

LEFT_OUT = "left out on purpose"
"""Why a step was not carried out of which the drill is to show what comes without it."""


@dataclass(frozen=True, slots=True)
class Event:
    """What one journal entry says. `kind` names it in the file."""

    kind: ClassVar[str]


@dataclass(frozen=True, slots=True)
class DrillStarted(Event):
    """The first entry: what is drilled, by whom, on what. `role` is `drill` or `control`.

    `runbook` is the parsed runbook as JSON, `repeat` the command that repeats the drill, `watch_s` for a
    control the least time that it is watched after the first bad sample, `control` whether a control is to
    be run beside the drill. `again_because` is why the drill is carried out a second time, if it is.
    `clock_speed` is how many seconds of the runbook's own times pass in one second of the drill. `manual`
    holds why only a human can do it, by the line of each step of which the plan says so; `bound` the lines
    of the manual steps that the plan gives a command or leads to a section. `machine` is what it runs on,
    `revision` the runbook's in git, `plan_sha256` that of the plan's bytes; older journals have
    none. `altered` says in a sentence in what the steps differ from the runbook's, where they do on purpose.
    """

    kind = "drill"
    drillbook: str
    role: str
    scenario: str
    variant: str
    title: str
    summary: str
    responder: str
    backend: str
    sandbox: bool
    seed: int
    severity: str
    sections: tuple[str, ...]
    runbook: Mapping[str, Json]
    plan: str | None
    known_gap: str | None
    objectives: Objectives
    deadline_s: float
    settle_s: float
    hold_s: float
    probe_interval_s: float
    strict: bool
    surface: str
    operator_role: str
    repeat: str
    versions: Mapping[str, str]
    symptoms: tuple[str, ...] = ()
    reference_cure: str = ""
    watch_s: float = 0.0
    control: bool = True
    again_because: str = ""
    manual: Mapping[str, str] = field(default_factory=dict)
    bound: tuple[int, ...] | None = None
    clock_speed: int = 1
    machine: Machine | None = None
    revision: Revision | None = None
    plan_sha256: str = ""
    altered: str = ""


@dataclass(frozen=True, slots=True)
class PhaseStarted(Event):
    """A phase begins; the one before it has ended."""

    kind = "phase"
    phase: Phase


@dataclass(frozen=True, slots=True)
class PartChanged(Event):
    """A part of the stack started, stopped or exited.

    The parts are postgres, redis, setup, app, edge, provider, traffic and, by the names of what they do,
    floods.
    """

    kind = "part"
    part: str
    change: str
    detail: str = ""
    pid: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Sampled(Event):
    """One probe's answer. `good` is the SLI's word on it; `detail` says why it is bad."""

    kind = "sample"
    sli: str
    start: float
    end: float
    good: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Stalled(Event):
    """The probes could not keep their cadence for `late_s` seconds: the host was too busy."""

    kind = "stall"
    late_s: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TrafficCounted(Event):
    """What the customers saw from `start` to `end`. Latencies are of the answered requests.

    `errors` counts the failures by their reason; `acknowledged` lists the ids of the orders that the app
    confirmed in that time.
    """

    kind = "traffic"
    start: float
    end: float
    requests: int
    failures: int
    p50_s: float | None = None
    p95_s: float | None = None
    errors: Mapping[str, int] = field(default_factory=dict)
    acknowledged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FloodCounted(Event):
    """What the clients of a flood were answered from `start` to `end`; they are no customers.

    `errors` counts the failures by their reason.
    """

    kind = "flood"
    flood: str
    start: float
    end: float
    requests: int
    failures: int
    errors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FaultChanged(Event):
    """A step in a fault's life.

    `change` is `intent` (before the deed), `injected`, `confirmed`, `not-taken`, `present` (its cause is
    still there), `gone` (its cause is gone), `healed` or `heal-failed`; `evidence` is what proves it.
    """

    kind = "fault"
    fault: str
    change: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class AlertChanged(Event):
    """An alert rule `fired` or `cleared`."""

    kind = "alert"
    rule: str
    change: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ResponderActed(Event):
    """The responder: `ack` (begins), `declared` (says that it is over), `finished` (has no step left).

    `cured` is for the reference responder alone: it applies the cure that `detail` tells. For whoever acts at
    the desk alone are `false-all-clear` (says that it is over while an SLI is bad; the drill goes on),
    `checked` (asked what is bad still), `gave-up`, `joined` and `left` (a terminal was connected, or none is
    any more).
    """

    kind = "responder"
    responder: str
    change: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HintTaken(Event):
    """Whoever acts at the desk was given a hint.

    `level` is how far it goes, from 1 (where to look) to 4 (the answer); those that what was done had made
    needless were passed over.
    """

    kind = "hint"
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class UpdateSent(Event):
    """Whoever acts at the desk sent a status update. `unfilled` says what of the template was left open."""

    kind = "status-update"
    text: str
    unfilled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LineTyped(Event):
    """A line was typed to a program that runs in the terminal, such as psql, within the step `id`."""

    kind = "typed"
    id: int
    text: str


@dataclass(frozen=True, slots=True)
class StepStarted(Event):
    """A step is about to be carried out.

    `id` joins the three entries of one execution. `command` is as written and `run` as run (placeholders
    filled); both are empty for a manual step without a binding. `bound` says that the plan gave the
    command; `state_changing` that the command can change the state of the system. `line` is 0 for what
    somebody typed at the desk that stands nowhere in the runbook.
    """

    kind = "step"
    id: int
    line: int
    section: tuple[str, ...]
    step_kind: StepKind
    text: str
    command: str
    run: str
    bound: bool
    caution: bool
    state_changing: bool


@dataclass(frozen=True, slots=True)
class StepEnded(Event):
    """The command of a step has ended.

    `exit_code` is None where it was killed at its deadline. `broken` is the reason why the step could not
    run as written, or empty. `stdout` and `stderr` are the output, cut in the middle where it is long.
    `answered` says whether what the plan expects to be found was in it; None where it expects nothing.
    """

    kind = "step-ended"
    id: int
    exit_code: int | None
    seconds: float
    stdout: str
    stderr: str
    timed_out: bool = False
    broken: str = ""
    answered: bool | None = None


@dataclass(frozen=True, slots=True)
class StepWatched(Event):
    """What the SLIs did after a step. `bad_before` and `bad_after` are the fractions of bad samples."""

    kind = "step-effect"
    id: int
    effect: Effect
    bad_before: float
    bad_after: float


@dataclass(frozen=True, slots=True)
class StepSkipped(Event):
    """A step was not carried out; `reason` says why (nothing to do any more, manual without a binding).

    `leads_to` is the section whose steps were taken up in its place: then the step was exercised by them.
    """

    kind = "step-skipped"
    line: int
    section: tuple[str, ...]
    step_kind: StepKind
    text: str
    command: str
    caution: bool
    reason: str
    leads_to: str = ""


@dataclass(frozen=True, slots=True)
class FindingMade(Event):
    """Something to mend in the runbook that the drill came upon."""

    kind = "finding"
    rule: str
    line: int
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class InvariantChecked(Event):
    """Whether something that no cure may harm is still as before the fault."""

    kind = "invariant"
    name: str
    held: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PlatformChanged(Event):
    """What the platform did: a deployment, a rollback, a replica that crashed or was restarted."""

    kind = "platform"
    change: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ErrorMet(Event):
    """The harness or the stack failed; the drill has no say on the runbook."""

    kind = "error"
    phase: Phase
    message: str


@dataclass(frozen=True, slots=True)
class NotApplied(Event):
    """The stack lacks what the drill needs, so it was not carried out; `reason` says what that is."""

    kind = "not-applicable"
    reason: str


@dataclass(frozen=True, slots=True)
class Interrupted(Event):
    """Someone ended the drill before its end."""

    kind = "interrupted"
    phase: Phase
    by: str


@dataclass(frozen=True, slots=True)
class DrillEnded(Event):
    """The last entry: the drill ran to its end and the stack is down."""

    kind = "end"


@dataclass(frozen=True, slots=True)
class FormerDrill:
    """A drill of the game day before: its name, its verdict in words, and its TTR in seconds."""

    name: str
    verdict: str
    ttr_s: float | None = None


@dataclass(frozen=True, slots=True)
class GameDayStarted(Event):
    """The first entry of a game day's journal: what is to come, and who takes part, as roles.

    `scheduled` is the UTC time at which it was due, empty where somebody began it by hand. `names` holds the
    drills in their order; it is empty where they are `drawn`, and nobody is to know them: then `sealed` is
    the SHA-256 of what `GameDayEnded` reveals. `control` is the path of the socket that takes orders.
    `former` is what the game day of this plan before it came to, which began at `former_began`.
    """

    kind = "game-day"
    drillbook: str
    name: str
    plan: str
    plan_sha256: str
    drill_plan: str
    responder: str
    backend: str
    roles: Mapping[str, str]
    drills: int
    names: tuple[str, ...] = ()
    drawn: bool = False
    sealed: str = ""
    scheduled: str = ""
    longest_s: float | None = None
    rules: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    control: str = ""
    former: tuple[FormerDrill, ...] = ()
    former_began: str = ""


@dataclass(frozen=True, slots=True)
class AnnouncementMade(Event):
    """`channel` took the announcement of the moment `about`: start, update or end."""

    kind = "announced"
    channel: str
    about: str
    text: str
    attempts: int
    seconds: float


@dataclass(frozen=True, slots=True)
class AnnouncementFailed(Event):
    """`channel` did not take an announcement; the game day goes on all the same."""

    kind = "announcement-failed"
    channel: str
    about: str
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True)
class GameDayDrillBegan(Event):
    """A drill of a game day begins. `run_dir` is its directory within the game day's.

    `name` is empty where the drill was drawn: nobody is to know it before its end.
    """

    kind = "drill-began"
    number: int
    run_dir: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class GameDayDrillEnded(Event):
    """A drill of a game day has ended; its verdict is for whoever reads its own journal."""

    kind = "drill-ended"
    number: int
    run_dir: str
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class GameDayPaused(Event):
    """Someone asked that no further drill begins; the one that goes on is not held up."""

    kind = "paused"
    by: str


@dataclass(frozen=True, slots=True)
class GameDayResumed(Event):
    """Someone asked that the drills go on."""

    kind = "resumed"
    by: str


@dataclass(frozen=True, slots=True)
class AbortRuleFailed(Event):
    """An abort rule could not be looked at; the game day goes on."""

    kind = "rule-failed"
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class GameDayAborted(Event):
    """The game day ends early: by which abort rule, by whom or what, and what was seen."""

    kind = "aborted"
    rule: str
    by: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class GameDayFailed(Event):
    """The harness failed, so that the game day could not go on."""

    kind = "game-day-failed"
    message: str


@dataclass(frozen=True, slots=True)
class GameDayInterrupted(Event):
    """Whoever carried the game day out was killed; it was put on file afterwards."""

    kind = "game-day-interrupted"
    by: str


@dataclass(frozen=True, slots=True)
class GameDayEnded(Event):
    """The last entry: every stack is down. `revealed` is what was drawn, begun or not, after its seed."""

    kind = "game-day-ended"
    revealed: tuple[str, ...] = ()


EVENTS: Mapping[str, type[Event]] = {
    event.kind: event
    for event in (
        DrillStarted,
        PhaseStarted,
        PartChanged,
        Sampled,
        Stalled,
        TrafficCounted,
        FloodCounted,
        FaultChanged,
        AlertChanged,
        ResponderActed,
        HintTaken,
        UpdateSent,
        LineTyped,
        StepStarted,
        StepEnded,
        StepWatched,
        StepSkipped,
        FindingMade,
        InvariantChecked,
        PlatformChanged,
        ErrorMet,
        NotApplied,
        Interrupted,
        DrillEnded,
        GameDayStarted,
        AnnouncementMade,
        AnnouncementFailed,
        GameDayDrillBegan,
        GameDayDrillEnded,
        GameDayPaused,
        GameDayResumed,
        AbortRuleFailed,
        GameDayAborted,
        GameDayFailed,
        GameDayInterrupted,
        GameDayEnded,
    )
}
