"""The timeline of a drill: what happened when, and which source says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from drillbook.events import (
    AlertChanged,
    ErrorMet,
    FaultChanged,
    Interrupted,
    InvariantChecked,
    PartChanged,
    PlatformChanged,
    ResponderActed,
    Sampled,
    Stalled,
)
from drillbook.journal import Entry
from drillbook.model import Effect
from drillbook.reporting.facts import Facts
from drillbook.reporting.text import Code, Text, seconds, shortened

_MOST_TURNS = 4
_SAME_MOMENT_S = 1e-6
_EFFECTS = {
    Effect.NONE: "no effect on the SLIs",
    Effect.BETTER: "the SLIs got better meanwhile",
    Effect.CURED: "the SLIs were good after it",
    Effect.WORSE: "the SLIs got worse meanwhile",
}
_FAULT = {
    "intent": "is about to be injected",
    "injected": "is injected",
    "confirmed": "is live",
    "not-taken": "shows no effect",
    "present": "is still there",
    "gone": "is gone",
    "heal-failed": "could not be healed",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One row: when (monotonic `t`), who says so, what, and the clocks that it sets."""

    t: float
    source: str
    text: Text
    marks: tuple[str, ...] = ()
    line: int | None = None


def timeline(facts: Facts) -> list[Moment]:
    """The moments of a drill in their order."""
    moments = [*_turns(facts), *_steps(facts)]
    for entry in facts.entries:
        # Before the fault the stack comes up and after the cut-off it goes down: no part of the incident.
        within = (facts.evidence.intent or facts.entries[0].t) <= entry.t <= facts.evidence.cutoff
        if within or isinstance(entry.event, ErrorMet | Interrupted):
            moments.extend(_moment(entry))
    moments = _marked(moments, facts)
    return sorted(moments, key=lambda moment: moment.t)


def _moment(entry: Entry) -> Iterator[Moment]:
    event, t = entry.event, entry.t
    match event:
        case FaultChanged(fault, change, evidence) if change in _FAULT:
            text: Text = (Code(fault), f" {_FAULT[change]}{_detail(evidence)}")
            yield Moment(t, "fault", text)
        case AlertChanged(rule, change, detail):
            yield Moment(t, "alert", (Code(rule), f" {change}{_detail(detail)}"))
        case ResponderActed(responder, change, detail):
            said = {
                "ack": "begins",
                "cured": "applies the cure",
                "declared": "says that it is over",
                "finished": "has nothing left to do",
            }
            yield Moment(t, "responder", (f"{responder} {said.get(change, change)}{_detail(detail)}",))
        case PlatformChanged(change, detail):
            yield Moment(t, "platform", (f"{change}{_detail(detail)}",))
        case PartChanged(part, "exited", detail):
            yield Moment(t, "stack", (f"{part} exited{_detail(detail)}",))
        case InvariantChecked(name, held, detail):
            yield Moment(t, "invariant", (f"{name}: {'held' if held else 'BROKE'}{_detail(detail)}",))
        case Stalled(late_s, detail):
            yield Moment(t, "harness", (f"the probes were {seconds(late_s)} late{_detail(detail)}",))
        case ErrorMet(phase, message):
            yield Moment(t, "harness", (f"failed in phase {phase}: {shortened(message)}",))
        case Interrupted(phase, by):
            yield Moment(t, "harness", (f"interrupted in phase {phase} by {by}",))
        case _:
            pass


def _detail(text: str) -> str:
    return f": {shortened(text)}" if text.strip() else ""


def _turns(facts: Facts) -> Iterator[Moment]:
    """When each SLI turned bad and good; one that kept turning is told in one row."""
    for sli, samples in facts.evidence.samples.items():
        runs = [(good, list(run)) for good, run in groupby(samples, key=lambda sample: sample.good)]
        bad = [run for good, run in runs if not good]
        if not bad:
            continue
        if len(bad) > _MOST_TURNS:
            yield _flapping(sli, samples, bad)
            if runs[-1][0]:
                yield Moment(runs[-1][1][0].end, f"probe {sli}", ("good again",))
            continue
        for number, (good, run) in enumerate(runs):
            if good and number:
                yield Moment(run[0].end, f"probe {sli}", ("good again",))
            elif not good:
                begin = max(run[0].start, facts.evidence.intent or run[0].start)
                yield Moment(begin, f"probe {sli}", (f"bad{_detail(run[0].detail)}",))


def _flapping(sli: str, samples: Sequence[Sampled], bad: Sequence[Sequence[Sampled]]) -> Moment:
    first, last = bad[0][0], bad[-1][-1]
    within = [sample for sample in samples if first.end <= sample.end <= last.end]
    count = sum(not sample.good for sample in within)
    text = f"bad on and off for {seconds(last.end - first.start)}: {count} of {len(within)} samples"
    return Moment(first.start, f"probe {sli}", (f"{text}{_detail(first.detail)}",))


def _steps(facts: Facts) -> Iterator[Moment]:
    effects = [step.effect for step in facts.result.steps if not step.skipped]
    for (entry, step, end), effect in zip(facts.steps_run(), effects, strict=True):
        command = step.run or step.command
        named: Text = (_introducing(step.text),) if command and step.text != command else ()
        shown: Text = (*named, Code(shortened(command))) if command else (step.text,)
        if end is None:
            came = " — cut short"
        elif end.broken:
            came = f" — broken: {shortened(end.broken)}"
        elif end.timed_out:
            came = f" — killed at its deadline, after {seconds(end.seconds)}"
        else:
            came = f" — exit {end.exit_code} in {seconds(end.seconds)}"
        if effect is not None:
            came += f", {_EFFECTS[effect]}"
        yield Moment(entry.t, "step", (*shown, came), line=step.line)


def _introducing(text: str) -> str:
    """`text` before what it is about; where it ends in a mark of its own, a colon would be one too many."""
    return f"{text} " if text.endswith(("?", "!", ".", ":")) else f"{text}: "


def _marked(moments: list[Moment], facts: Facts) -> list[Moment]:
    """`moments`, each with the clocks that it sets; a clock that none sets gets a row of its own."""
    out = list(moments)
    told = {"mitigate": "every SLI is good from here on", "resolve": "resolved"}
    for name, t in facts.times.items():
        at = [n for n, moment in enumerate(out) if abs(moment.t - t) < _SAME_MOMENT_S]
        if at:
            last = at[-1] if name in ("mitigate", "resolve") else at[0]
            out[last] = replace(out[last], marks=(*out[last].marks, name))
        else:
            out.append(Moment(t, "probes", (told.get(name, name),), (name,)))
    return out
