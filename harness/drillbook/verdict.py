"""The verdict of a drill: what its journal and its control's prove of the runbook.

The worst that can happen here is a RESOLVED that is not true. So RESOLVED is what is left when every doubt
has been ruled out, one check after the other; evidence that is missing or odd leads away from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from drillbook.clocks import came_back, clocks, mitigated, silence, verified_causes
from drillbook.events import (
    DrillEnded,
    DrillStarted,
    ErrorMet,
    Interrupted,
    NotApplied,
    PhaseStarted,
    StepEnded,
    StepStarted,
)
from drillbook.evidence import Evidence, gather
from drillbook.journal import Entry, events
from drillbook.model import ExitCode, Phase, Verdict

LONGEST_REASON = 300
BAD_FOR_THE_RUNBOOK = frozenset({Verdict.NOT_RESOLVED, Verdict.STEP_BROKEN, Verdict.HARMFUL})
FAILED_ITSELF = frozenset({Verdict.FAULT_NOT_TAKEN, Verdict.INFRA_ERROR})
NO_SAY = FAILED_ITSELF | {Verdict.NOT_APPLICABLE}


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and its reason, one sentence without a full stop."""

    verdict: Verdict
    reason: str


class Outcome(Protocol):
    """What an exit code needs to know of a drill."""

    @property
    def verdict(self) -> Verdict:
        """The verdict on the drill."""

    @property
    def known_gap(self) -> str | None:
        """Why the plan expects the runbook to fall short, or None."""

    @property
    def interrupted(self) -> bool:
        """Whether someone ended the drill before its end."""


def judge(
    entries: Sequence[Entry], control: Sequence[Entry] | None, *, control_expected: bool = True
) -> Judgement:
    """The verdict on the journal `entries`.

    Args:
        entries: the drill's journal, or a control's to judge that alone.
        control: the journal of its control, or None if there is none.
        control_expected: whether a control should have been run; without it a RESOLVED does not stand.
    """
    if not entries or not isinstance(entries[0].event, DrillStarted):
        return Judgement(Verdict.INFRA_ERROR, "The journal does not begin with the start of a drill")
    evidence = gather(entries)
    doubt = (
        _not_applied(entries)
        or _incomplete(entries)
        or _not_steady(evidence)
        or _not_taken(entries, evidence)
    )
    if doubt is not None:
        return doubt
    if evidence.started.role == "control" or evidence.started.responder == "none":
        return _judge_control(evidence)
    judgement = _judge_responder(entries, evidence)
    if judgement.verdict is Verdict.RESOLVED:
        return _beside_control(judgement, evidence, control, control_expected=control_expected)
    return judgement


# --------------------------------------------------------------------------- whether the drill has a say


def interrupted(entries: Sequence[Entry]) -> bool:
    """Whether someone ended the drill before its end."""
    return bool(events(entries, Interrupted))


def _not_applied(entries: Sequence[Entry]) -> Judgement | None:
    for _, event in events(entries, NotApplied):
        return Judgement(Verdict.NOT_APPLICABLE, _clause(event.reason))
    return None


def _incomplete(entries: Sequence[Entry]) -> Judgement | None:
    phases = events(entries, PhaseStarted)
    phase = phases[-1][1].phase if phases else Phase.BOOT
    for _, error in events(entries, ErrorMet):
        return _infra(f"The harness or the stack failed in phase {error.phase}: {_clause(error.message)}")
    for _, end in events(entries, Interrupted):
        return _infra(f"Interrupted in phase {end.phase} by {end.by}")
    if not isinstance(entries[-1].event, DrillEnded):
        return _infra(f"Interrupted in phase {phase}: the journal has no end")
    return None


def _not_steady(evidence: Evidence) -> Judgement | None:
    if evidence.impossible is not None:
        return _infra(f"A sample of the SLI {evidence.impossible} has times that can't be")
    if not evidence.slis:
        return _infra("No SLI was sampled")
    for sli in evidence.slis:
        samples = evidence.steady.get(sli, ())
        if not samples:
            return _infra(f"The SLI {sli} was not sampled right before the fault")
        bad = next((sample for sample in samples if not sample.good), None)
        if bad is not None:
            detail = f": {_clause(bad.detail)}" if bad.detail else ""
            return _infra(f"The SLI {sli} was bad before the fault{detail}")
    return None


def _not_taken(entries: Sequence[Entry], evidence: Evidence) -> Judgement | None:
    if evidence.not_taken is not None:
        return _fault(f"The fault did not take: {_clause(evidence.not_taken)}")
    if evidence.intent is None:
        return _fault("No fault was injected")
    if evidence.confirmed is None:
        return _fault("The fault was never confirmed")
    times = clocks(entries)
    # A sample that was under way at the injection may be bad for another reason.
    if times.impact is None or not _bad_since(evidence, evidence.intent):
        return _fault("No SLI went bad after the fault")
    if times.act is not None and times.impact >= times.act:
        return _fault("No SLI went bad before the first command that changes the system's state")
    return None


def _bad_since(evidence: Evidence, t: float) -> bool:
    return any(not s.good and s.start >= t for samples in evidence.samples.values() for s in samples)


# --------------------------------------------------------------------------- the drill itself


def _judge_responder(entries: Sequence[Entry], evidence: Evidence) -> Judgement:
    mitigate = mitigated(evidence)
    if mitigate is None:
        present = next((check for check in verified_causes(evidence).values() if check.present), None)
        cause = f"; its cause is still there: {present.evidence}" if present else ""
        return _unresolved(entries, f"{_why_not_mitigated(evidence)}{cause}")
    sli, gap = silence(evidence, mitigate)
    if gap > max(evidence.started.hold_s, 2 * evidence.started.probe_interval_s):
        return _infra(f"The SLI {sli} was not sampled for {gap:.1f} s while it had to hold")
    broken = evidence.broken_invariants
    if broken:
        detail = f": {_clause(broken[0].detail)}" if broken[0].detail else ""
        return Judgement(Verdict.HARMFUL, f"The SLIs are back, but {broken[0].name} broke{detail}")
    if evidence.impact is None:
        raise AssertionError("a good window begins at or after the impact")
    took = mitigate - evidence.impact
    return _cause(entries, evidence, mitigate) or _sound(evidence, took)


def _cause(entries: Sequence[Entry], evidence: Evidence, mitigate: float) -> Judgement | None:
    last = verified_causes(evidence)
    for check in last.values():
        if check.present:
            return _unresolved(entries, f"the SLIs are back, but the cause is still there: {check.evidence}")
    back = came_back(evidence)
    if back is not None:
        return _unresolved(entries, f"the SLIs are back, but the cause came back: {back.evidence}")
    for fault in evidence.faults:
        if fault not in last:
            return _infra(f"Nothing in the journal says whether the cause of {fault} is gone")
        if last[fault].t < mitigate:
            return _infra(f"The cause of {fault} was last looked at before the SLIs were good")
    return None


def _sound(evidence: Evidence, took: float) -> Judgement:
    count = len({check.name for check in evidence.invariants})
    if count == 0:
        return _infra("The SLIs are back and the cause is gone, but no invariant was checked")
    held = {1: "the one invariant held", 2: "both invariants held"}.get(count, f"all {count} invariants held")
    return Judgement(
        Verdict.RESOLVED,
        f"The SLIs were good {took:.1f} s after the impact and stayed so, the cause is gone, and {held}",
    )


def _why_not_mitigated(evidence: Evidence) -> str:
    bad = [(sli, samples[-1]) for sli, samples in evidence.samples.items() if not samples[-1].good]
    if bad:
        sli, sample = bad[0]
        detail = f" ({_clause(sample.detail)})" if sample.detail else ""
        still = f"the SLI {sli} was still bad at the end{detail}"
        good = longest_good_s(evidence)
        if good >= max(evidence.started.hold_s, 2 * evidence.started.probe_interval_s):
            return f"it came back after {good:.1f} s: {still}"
        return still
    for sli in evidence.slis:
        if not evidence.samples.get(sli):
            return f"the SLI {sli} was not sampled after the fault"
    return f"the SLIs were not good for {evidence.started.hold_s:g} s on end"


def longest_good_s(evidence: Evidence) -> float:
    """The longest time after the impact, in seconds, for which every SLI was good and one then went bad."""
    impact = evidence.impact
    if impact is None:
        return 0.0
    state = dict.fromkeys(evidence.slis, True)
    longest, since = 0.0, None
    for sample in sorted((s for some in evidence.samples.values() for s in some), key=lambda s: s.end):
        if sample.end < impact:
            continue
        state[sample.sli] = sample.good
        if all(state.values()):
            since = sample.end if since is None else since
        elif since is not None:
            longest, since = max(longest, sample.end - since), None
    return longest


def _unresolved(entries: Sequence[Entry], why: str) -> Judgement:
    steps = {step.id: step for _, step in events(entries, StepStarted)}
    for _, ended in events(entries, StepEnded):
        step = steps.get(ended.id)
        if ended.broken and step is not None:
            reason = f"Line {step.line} can't run as written ({_clause(ended.broken)}), and {why}"
            return Judgement(Verdict.STEP_BROKEN, _clause(reason))
    return Judgement(Verdict.NOT_RESOLVED, _clause(why[:1].upper() + why[1:]))


# --------------------------------------------------------------------------- the control


def watched_s(entries: Sequence[Entry]) -> float:
    """How long after its impact a control's SLIs were watched, in seconds; 0 if there was no impact.

    Raises:
        JournalError: the journal does not begin with the start of a drill.
    """
    evidence = gather(entries)
    if evidence.impact is None or evidence.watched_to is None:
        return 0.0
    return max(0.0, evidence.watched_to - evidence.impact)


def _judge_control(evidence: Evidence) -> Judgement:
    mitigate = mitigated(evidence)
    if mitigate is not None:
        took = mitigate - (evidence.impact or mitigate)
        return Judgement(
            Verdict.SELF_HEALED, f"The SLIs were good again {took:.1f} s after the impact though nobody acted"
        )
    last = {check.fault: check for check in evidence.causes}
    if last and all(not check.present for check in last.values()):
        return Judgement(Verdict.SELF_HEALED, "The cause was gone in the end though nobody acted")
    return Judgement(Verdict.NOT_RESOLVED, f"Nobody acted, and {_why_not_mitigated(evidence)}")


def _beside_control(
    judgement: Judgement, drill: Evidence, control: Sequence[Entry] | None, *, control_expected: bool
) -> Judgement:
    if control is None:
        if control_expected:
            return _infra("The SLIs are back, but the control that should have been run is missing")
        return Judgement(judgement.verdict, f"{judgement.reason}; no control was run")
    alone = judge(control, None)
    doubt = _unlike(alone, drill, control)
    if doubt is not None:
        return _infra(f"The SLIs are back, but {doubt}")
    if alone.verdict is Verdict.SELF_HEALED:
        return Judgement(Verdict.SELF_HEALED, f"The control recovered too: {alone.reason}")
    needed = max((mitigated(drill) or 0.0) - (drill.impact or 0.0), drill.started.settle_s)
    watched = watched_s(control)
    if watched < needed - drill.started.probe_interval_s:
        return _infra(
            f"The SLIs are back, but the control was watched for {watched:.1f} s only, of {needed:.1f} s"
        )
    return Judgement(
        judgement.verdict, f"{judgement.reason}; the control was still bad after {watched:.1f} s"
    )


def _unlike(alone: Judgement, drill: Evidence, control: Sequence[Entry]) -> str | None:
    """Why `control` can't stand beside the drill, or None if it can."""
    if alone.verdict in NO_SAY:
        return f"the control has no say: {alone.reason}"
    mine, other = drill.started, gather(control).started
    same = (other.scenario, other.variant) == (mine.scenario, mine.variant)
    if other.responder != "none" or not same:
        return "what ran as the control is not this drill's control"
    return None


# --------------------------------------------------------------------------- exit codes


def expected(verdict: Verdict, known_gap: str | None) -> bool:
    """Whether `verdict` is as expected: RESOLVED, or for a known gap that the runbook falls short.

    A known gap that is RESOLVED is not as expected: it is out of date. Nor is what was not applicable, which
    nobody may count as passed.
    """
    return verdict in BAD_FOR_THE_RUNBOOK if known_gap is not None else verdict is Verdict.RESOLVED


def exit_code(results: Sequence[Outcome]) -> ExitCode:
    """The worst exit code of `results`, in the order 2, 3, 4, 1, 5, 0.

    What was not applicable counts for none of them; 5 if nothing is left.
    """
    applied = [outcome for outcome in results if outcome.verdict is not Verdict.NOT_APPLICABLE]
    codes = {_code(outcome) for outcome in applied} or {ExitCode.INCONCLUSIVE}
    order = (ExitCode.INTERRUPTED, ExitCode.HARNESS, ExitCode.USAGE, ExitCode.FAILED, ExitCode.INCONCLUSIVE)
    return next((code for code in order if code in codes), ExitCode.OK)


def _code(outcome: Outcome) -> ExitCode:
    if outcome.interrupted:
        return ExitCode.INTERRUPTED
    if outcome.verdict in FAILED_ITSELF:
        return ExitCode.HARNESS
    if outcome.verdict is Verdict.SELF_HEALED:
        return ExitCode.INCONCLUSIVE
    return ExitCode.OK if expected(outcome.verdict, outcome.known_gap) else ExitCode.FAILED


def _infra(reason: str) -> Judgement:
    return Judgement(Verdict.INFRA_ERROR, _clause(reason))


def _fault(reason: str) -> Judgement:
    return Judgement(Verdict.FAULT_NOT_TAKEN, _clause(reason))


def _clause(text: str) -> str:
    """`text` as part of a sentence: on one line, without a full stop at its end, cut where it is long."""
    line = " ".join(text.split()).rstrip(".")
    if len(line) <= LONGEST_REASON:
        return line
    cut = line[: LONGEST_REASON - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"
