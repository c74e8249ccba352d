"""The result of a drill: everything that `--json` says of it, made from its run directory's journals.

Reads `journal.jsonl` and `control/journal.jsonl` and nothing else, so that a result can always be made again.
The fields and their names are a contract that users script against.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from drillbook.clocks import Clocks, Durations, clocks, durations
from drillbook.errors import JournalError
from drillbook.events import (
    DrillStarted,
    FindingMade,
    InvariantChecked,
    StepEnded,
    StepSkipped,
    StepStarted,
    StepWatched,
)
from drillbook.evidence import started
from drillbook.journal import Entry, build, events, read
from drillbook.model import (
    Effect,
    Finding,
    Json,
    Level,
    Machine,
    Revision,
    Runbook,
    StepKind,
    Verdict,
    to_json,
)
from drillbook.repeats import grouped
from drillbook.score import Score, score
from drillbook.spot import spot
from drillbook.verdict import expected, interrupted, judge, watched_s

SCHEMA = 1
JOURNAL = "journal.jsonl"
CONTROL = "control"


@dataclass(frozen=True, slots=True)
class RunbookFile:
    """Which runbook was drilled: its path as given and the SHA-256 of its bytes."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PlanFile:
    """Which plan the drill is of: its path and the SHA-256 of its bytes, empty where it is not on file."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ControlResult:
    """What became of the control, and for how many seconds after its impact it was watched."""

    verdict: Verdict
    reason: str
    watched_s: float


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step: as written, as run, and what came of it.

    `exit_code`, `seconds` and `effect` are None where the step was not carried out (`skipped` says why) or
    was cut short; `broken` says why it could not run as written, or is empty. `answered` says whether its
    output held what the plan expects to be found there, None where it expects nothing; `leads_to` is the
    section whose steps were taken up in its place.
    """

    line: int
    section: tuple[str, ...]
    text: str
    command: str
    kind: StepKind
    exit_code: int | None = None
    seconds: float | None = None
    effect: Effect | None = None
    run: str = ""
    bound: bool = False
    caution: bool = False
    state_changing: bool = False
    timed_out: bool = False
    broken: str = ""
    skipped: str = ""
    answered: bool | None = None
    leads_to: str = ""


@dataclass(frozen=True, slots=True)
class InvariantResult:
    """Whether something that no cure may harm was still as before the fault."""

    name: str
    held: bool
    detail: str


@dataclass(frozen=True, slots=True)
class DrillResult:
    """The result of one drill; `clocks` are seconds since `started`, the UTC time of its first entry.

    `control_needed` says that the verdict hangs on a control: only one that came back can have healed.
    `again_because` is why it was carried out a second time, or empty. `deadline_s` is how long the
    responder had, in seconds. `machine` and `revision` are None where the journal does not have them, or
    the runbook is in no git repository. `altered` says in what its steps differ from the runbook's on
    purpose, or is empty.
    `line` is where in the runbook to look first, see `spot`, and 0 where that can't be told; `seconds` is how
    long it took in all, with its control.
    """

    scenario: str
    variant: str
    title: str
    responder: str
    backend: str
    runbook: RunbookFile
    severity: str
    verdict: Verdict
    reason: str
    known_gap: str | None
    expected: bool
    interrupted: bool
    started: str
    clocks: Clocks
    durations: Durations
    error_s: float
    control: ControlResult | None
    steps: tuple[StepResult, ...]
    invariants: tuple[InvariantResult, ...]
    findings: tuple[Finding, ...]
    score: Score | None
    seed: int
    versions: Mapping[str, str]
    repeat: str
    run_dir: str
    control_needed: bool
    again_because: str
    strict: bool
    deadline_s: float
    plan: PlanFile | None
    revision: Revision | None
    machine: Machine | None
    line: int
    seconds: float
    altered: str = ""

    @property
    def gap_note(self) -> str:
        """What is to be said of the known gap beside the verdict, or nothing where there is none."""
        if self.known_gap is None:
            return ""
        return "known gap, out of date" if self.verdict is Verdict.RESOLVED else "known gap"

    def to_json(self) -> dict[str, Json]:
        """The result as `--json` gives it."""
        data = cast("dict[str, Json]", to_json(self))
        cast("dict[str, Json]", data["durations"]).pop("error_s")  # it stands beside them, as `error_s`
        for finding in cast("list[dict[str, Json]]", data["findings"]):
            if not finding["fix"]:
                finding.pop("fix")
        if not self.altered:
            data.pop("altered")
        data.pop("control_needed")  # of use before the control has run, and the verdict says it afterwards
        return data


def result(run_dir: Path) -> DrillResult:
    """The result of the drill in `run_dir`.

    Raises:
        JournalError: a journal can't be read, or does not begin with the start of a drill.
    """
    entries, control = journals(run_dir)
    return result_of(entries, control, run_dir=str(run_dir))


def journals(run_dir: Path) -> tuple[list[Entry], list[Entry] | None]:
    """The entries of the drill in `run_dir` and those of its control, None if it has none.

    Raises:
        JournalError: a journal can't be read, or does not begin with the start of a drill.
    """
    path = run_dir / JOURNAL
    entries = read(path)
    if not entries or not isinstance(entries[0].event, DrillStarted):
        raise JournalError("the journal does not begin with the start of a drill", path=path)
    beside = run_dir / CONTROL / JOURNAL
    return entries, read(beside) if beside.exists() else None


def result_of(entries: Sequence[Entry], control: Sequence[Entry] | None, *, run_dir: str) -> DrillResult:
    """The result of a drill from its journal and its control's (None if it has none).

    Raises:
        JournalError: the journal does not begin with the start of a drill.
    """
    start = started(entries)
    runbook = parsed_runbook(start)
    judgement = judge(entries, control, control_expected=start.control)
    times = clocks(entries)
    spans = durations(times, start.probe_interval_s)
    taken = tuple(steps(entries))
    return DrillResult(
        scenario=start.scenario,
        variant=start.variant,
        title=start.title,
        responder=start.responder,
        backend=start.backend,
        runbook=RunbookFile(runbook.path, runbook.sha256),
        severity=start.severity,
        verdict=judgement.verdict,
        reason=judgement.reason,
        known_gap=start.known_gap,
        expected=expected(judgement.verdict, start.known_gap),
        interrupted=interrupted(entries),
        started=entries[0].wall.isoformat(timespec="milliseconds"),
        clocks=times.since(entries[0].t),
        durations=spans,
        error_s=start.probe_interval_s,
        control=_control(control),
        steps=taken,
        invariants=tuple(
            InvariantResult(check.name, check.held, check.detail)
            for _, check in events(entries, InvariantChecked)
        ),
        findings=tuple(findings(entries)),
        score=score(entries, judgement.verdict, times, spans),
        seed=start.seed,
        versions=dict(start.versions),
        repeat=start.repeat,
        run_dir=run_dir,
        control_needed=judge(entries, None, control_expected=False).verdict is Verdict.RESOLVED,
        again_because=start.again_because,
        strict=start.strict,
        deadline_s=start.deadline_s,
        plan=PlanFile(start.plan, start.plan_sha256) if start.plan is not None else None,
        revision=start.revision,
        machine=start.machine,
        line=spot(judgement.verdict, taken, runbook, start.sections),
        seconds=round(_length_s(entries) + _length_s(control or ()), 3),
        altered=start.altered,
    )


def _length_s(entries: Sequence[Entry]) -> float:
    return entries[-1].t - entries[0].t if entries else 0.0


def parsed_runbook(start: DrillStarted) -> Runbook:
    """The runbook that the drill was run on, as its journal holds it; an empty one if it holds none.

    Raises:
        JournalError: what the journal holds is not a parsed runbook.
    """
    if not start.runbook:
        return Runbook(path="", sha256="", title="")
    try:
        return build(Runbook, start.runbook)
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(f"the journal's runbook is not a parsed runbook: {error}") from error


def steps(entries: Sequence[Entry]) -> list[StepResult]:
    """The steps in the order in which they were begun or passed over."""
    return [step for step, _ in traced_steps(entries)]


def traced_steps(entries: Sequence[Entry]) -> list[tuple[StepResult, dict[str, int]]]:
    """The steps as `steps` has them, each with the journal's lines that tell of it, by the kind of entry."""
    ended = {event.id: (entry, event) for entry, event in events(entries, StepEnded)}
    watched = {event.id: (entry, event) for entry, event in events(entries, StepWatched)}
    out: list[tuple[StepResult, dict[str, int]]] = []
    for entry in entries:
        event = entry.event
        if isinstance(event, StepStarted):
            end, seen = ended.get(event.id), watched.get(event.id)
            step = _ran(event, end[1] if end else None, seen[1].effect if seen else None)
            told = [entry, *(found[0] for found in (end, seen) if found)]
            out.append((step, {one.event.kind: one.line for one in told}))
        elif isinstance(event, StepSkipped):
            out.append((_skipped(event), {event.kind: entry.line}))
    return out


def _ran(step: StepStarted, end: StepEnded | None, effect: Effect | None) -> StepResult:
    return StepResult(
        line=step.line,
        section=step.section,
        text=step.text,
        command=step.command,
        kind=step.step_kind,
        exit_code=end.exit_code if end else None,
        seconds=round(end.seconds, 3) if end else None,
        effect=effect,
        run=step.run,
        bound=step.bound,
        caution=step.caution,
        state_changing=step.state_changing,
        timed_out=end.timed_out if end else False,
        broken=end.broken if end else "",
        answered=end.answered if end else None,
    )


def _skipped(step: StepSkipped) -> StepResult:
    return StepResult(
        line=step.line,
        section=step.section,
        text=step.text,
        command=step.command,
        kind=step.step_kind,
        caution=step.caution,
        skipped=step.reason,
        leads_to=step.leads_to,
    )


def findings(entries: Sequence[Entry]) -> list[Finding]:
    """What the drill came upon that is worth mending in the runbook, each once, by line."""
    made = {Finding(f.rule, f.line, Level(f.level), f.message): None for _, f in events(entries, FindingMade)}
    return sorted(made, key=lambda finding: finding.line)


def _control(control: Sequence[Entry] | None) -> ControlResult | None:
    if control is None:
        return None
    judgement = judge(control, None)
    has_start = bool(control) and isinstance(control[0].event, DrillStarted)
    seconds = round(watched_s(control), 3) if has_start else 0.0
    return ControlResult(judgement.verdict, judgement.reason, seconds)


def document(results: Iterable[DrillResult]) -> dict[str, Json]:
    """The document that `--json` writes: `{"schema": 1, "drills": [...], "repeats": [...]}`."""
    drills = list(results)
    return {
        "schema": SCHEMA,
        "drills": [one.to_json() for one in drills],
        "repeats": [each.to_json() for each in grouped(drills)],
    }


def dumps(data: Json) -> str:
    """`data` as the text of a JSON file."""
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
