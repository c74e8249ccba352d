"""The action items that a drill can name, each with the line of the runbook that it is about.

An item says what to mend and why the drill says so; who mends it, and when, is for people to decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drillbook.model import Effect, StepKind, Verdict
from drillbook.reporting.facts import Facts, called
from drillbook.reporting.text import Code, Text, seconds, sentence, shortened
from drillbook.result import StepResult
from drillbook.verdict import BAD_FOR_THE_RUNBOOK


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do. `line` is the runbook's, or None where it is about no line of it."""

    line: int | None
    text: Text


def actions(facts: Facts) -> list[Action]:
    """What this drill gives reason to do, by line of the runbook, each once."""
    found = [*_steps(facts), *_manual(facts), *_findings(facts), *_outcome(facts)]
    return sorted(dict.fromkeys(found), key=lambda action: (action.line is None, action.line or 0))


def _steps(facts: Facts) -> Iterator[Action]:
    for step in facts.result.steps:
        if step.skipped:
            continue
        command: Text = (Code(shortened(step.command or step.run)),)
        named = called(step.text, step.command)
        if step.broken:
            yield Action(step.line, ("Mend ", *command, f", which can't run as written: {step.broken}"))
        elif step.timed_out:
            yield Action(
                step.line, ("Give ", *command, f" a time limit: it hung for {seconds(step.seconds)}")
            )
        # Of a command that changes nothing it is chance: the failure was still spreading.
        if step.effect is Effect.WORSE and step.state_changing:
            yield Action(step.line, ("Warn of ", *named, ": the SLIs got worse after it"))
        elif _in_vain(step) and facts.result.verdict in BAD_FOR_THE_RUNBOOK:
            yield Action(step.line, ("See why ", *named, " ran and changed nothing here"))


def _in_vain(step: StepResult) -> bool:
    return step.state_changing and step.effect is Effect.NONE and not step.broken


def _manual(facts: Facts) -> Iterator[Action]:
    if facts.result.verdict not in BAD_FOR_THE_RUNBOOK:
        return
    for step in facts.result.steps:
        if step.skipped and step.kind is StepKind.MANUAL:
            yield Action(step.line, (f"Give “{step.text}” a command: as prose nobody could carry it out",))


def _findings(facts: Facts) -> Iterator[Action]:
    broken = {step.line for step in facts.result.steps if step.broken}
    for finding in facts.result.findings:
        if finding.line not in broken:  # what is broken has been said, and said better
            yield Action(finding.line or None, (sentence(finding.message).rstrip("."),))


def _outcome(facts: Facts) -> Iterator[Action]:
    result, start = facts.result, facts.start
    section = start.sections[0] if start.sections else None
    line = facts.section_line(section) if section else None
    if result.verdict in BAD_FOR_THE_RUNBOOK and start.reference_cure:
        cure = sentence(start.reference_cure).rstrip(".")
        broken = [step.line for step in result.steps if step.broken]
        first = f"If line {broken[0]}, once mended, does not cure it: a" if broken else "A"
        yield Action(line, (f"{first}dd what cures this variant ({result.variant}): {cure}",))
    if result.verdict is Verdict.RESOLVED and result.known_gap is not None:
        yield Action(line, ("Strike the known gap from the plan: the runbook resolves this variant now",))
    for invariant in result.invariants:
        if not invariant.held:
            yield Action(line, (f"Say what the cure costs: it broke “{invariant.name}”",))
    ttd, objective = result.durations.ttd, start.objectives.detect_s
    if facts.times.impact is not None and ttd is None:
        yield Action(None, ("Add an alert: none fired",))
    elif ttd is not None and ttd > objective:
        yield Action(
            None, (f"Make the alert faster: it took {seconds(ttd)}, the objective is {objective:g} s",)
        )
    ttr, limit = result.durations.ttr, start.objectives.resolve_s
    if ttr is not None and ttr > limit:
        yield Action(line, (f"Make the cure faster: it took {seconds(ttr)}, the objective is {limit:g} s",))
    if result.control is None and result.verdict is Verdict.RESOLVED:
        yield Action(None, ("Run the drill with its control: without one, it may have healed by itself",))
