"""The post-mortem under the runbook's own headings, filled with what the journal knows.

A heading is taken by its meaning; one that means nothing to a machine is kept, blank, for a human. Nothing
is written that the journal does not bear out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drillbook.events import FaultChanged
from drillbook.journal import events
from drillbook.model import Effect, PostMortemHeading, Verdict
from drillbook.reporting.facts import Facts, called, traffic
from drillbook.reporting.text import Code, Text, clock, count, listed, seconds, sentence, share, shortened
from drillbook.result import StepResult

DEFAULT_HEADINGS = (
    PostMortemHeading("Summary", "What happened?", 0),
    PostMortemHeading("Impact", "Who was affected, and how much?", 0),
    PostMortemHeading("Timeline", "The sequence of events", 0),
    PostMortemHeading("Root cause", "Why did it happen?", 0),
    PostMortemHeading("Resolution", "How was it fixed?", 0),
    PostMortemHeading("Prevention", "How is it kept from happening again?", 0),
    PostMortemHeading("Action items", "What is to be done?", 0),
)

# In this order: "Root cause of the impact" asks for the cause.
_MEANINGS: tuple[tuple[str, str], ...] = (
    ("actions", r"action items?|actions\b|follow[- ]?ups?|next steps|to[- ]?dos?\b|remediation items"),
    ("prevention", r"prevent|recurrence|avoid(ing)? (it|this)|safeguards"),
    ("cause", r"root causes?|\bcauses?\b|contributing factors|why did|trigger|5 whys|five whys"),
    ("timeline", r"time ?line|sequence of events|chronology|order of events"),
    ("detection", r"detect|discover|\bhow (did )?we (find|found|notice|know|knew|learn)|alerting"),
    ("impact", r"impact|affected|blast radius|damage|consequences"),
    ("resolution", r"resol|mitigat|recover|how was it fixed|\bfix(ed)?\b|restor"),
    ("summary", r"summary|overview|what happened|tl;?dr|abstract|synopsis|description"),
)


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A heading of the post-mortem and what the drill can say under it.

    `meaning` is empty for a heading that only people can fill; `human` is what is left to them.
    """

    title: str
    prompt: str
    line: int
    meaning: str
    texts: tuple[Text, ...] = ()
    human: str = ""


def meaning_of(heading: PostMortemHeading) -> str:
    """What `heading` asks for, or an empty string; its title counts before its prompt."""
    for text in (heading.title, heading.prompt):
        for meaning, pattern in _MEANINGS:
            if re.search(pattern, text, re.IGNORECASE):
                return meaning
    return ""


def sections(facts: Facts) -> list[ReportSection]:
    """The post-mortem's sections, in the order of the runbook's template or else the usual one.

    Where two headings ask for the same, the first is filled.
    """
    if facts.result.verdict is Verdict.NOT_APPLICABLE:
        return [_passed_over(facts)]
    out: list[ReportSection] = []
    taken: set[str] = set()
    for heading in facts.runbook.templates.post_mortem or DEFAULT_HEADINGS:
        meaning = meaning_of(heading)
        if meaning in taken:
            meaning = ""
        taken.add(meaning)
        out.append(_filled(heading, meaning, facts))
    return out


def _passed_over(facts: Facts) -> ReportSection:
    """All that there is to say of what was not carried out, whatever headings the runbook has."""
    heading = DEFAULT_HEADINGS[0]
    text = f"The drill of “{facts.start.title}” was not carried out. {sentence(facts.result.reason)}"
    more = "It says nothing of the runbook, and counts neither as passed nor as failed."
    return ReportSection(heading.title, heading.prompt, heading.line, "summary", ((text,), (more,)))


def _filled(heading: PostMortemHeading, meaning: str, facts: Facts) -> ReportSection:
    fill = _FILLS.get(meaning)
    texts = tuple(fill(facts)) if fill else ()
    left = _HUMAN.get(meaning, "the journal can't know this")
    return ReportSection(heading.title, heading.prompt, heading.line, meaning, texts, left)


# --------------------------------------------------------------------------- what goes under each heading


def _summary(facts: Facts) -> list[Text]:
    result, start, times = facts.result, facts.start, facts.times
    texts: list[Text] = []
    if times.impact is None:
        texts.append((f"A drill of “{start.title}” was begun; no SLI went bad after the fault.",))
    else:
        bad = [sli for sli, some in facts.evidence.samples.items() if any(not s.good for s in some)]
        alert = (
            f" An alert fired {seconds(result.durations.ttd)} later."
            if result.durations.ttd is not None
            else " No alert fired."
        )
        when = (
            f"At {clock(facts.wall(times.impact))} UTC the {'SLI' if len(bad) == 1 else 'SLIs'} {listed(bad)}"
        )
        drilled = Code(f"{result.scenario}/{result.variant}")
        texts.append(
            (f"{when} went bad: drillbook had injected ", drilled, f". {sentence(start.summary)}{alert}")
        )
    ran = [step for step in result.steps if not step.skipped]
    did = f"{count(len(ran), 'step')} of the runbook" if ran else "no step of the runbook"
    texts.append((f"The responder {result.responder} carried out {did}. {sentence(result.reason)}",))
    if result.known_gap is not None:
        texts.append((f"This is a known gap of the runbook: {sentence(result.known_gap)}",))
    return texts


def _impact(facts: Facts) -> list[Text]:
    times, evidence = facts.times, facts.evidence
    if times.impact is None:
        return [("None: no SLI went bad after the fault.",)]
    end = times.mitigate if times.mitigate is not None else evidence.cutoff
    until = "" if times.mitigate is not None else ", to the end of the drill"
    texts: list[Text] = [(f"It lasted {seconds(end - times.impact)}{until}.",)]
    for sli, samples in evidence.samples.items():
        within = [sample for sample in samples if times.impact <= sample.end <= end]
        bad = sum(not sample.good for sample in within)
        if bad:
            texts.append((Code(sli), f" was bad in {bad} of {len(within)} samples."))
    seen = traffic(facts.entries, times.impact, end)
    if seen.requests:
        why = f": {listed([f'{reason} ({n})' for reason, n in seen.errors])}" if seen.errors else ""
        slow = f" The slowest p95 was {seconds(seen.worst_p95_s)}." if seen.worst_p95_s is not None else ""
        failed = f"{seen.failures} of {seen.requests} customer requests failed"
        texts.append((f"{failed} ({share(seen.failures, seen.requests)}){why}.{slow}",))
    texts.extend((f"{check.name} broke: {sentence(check.detail)}",) for check in evidence.broken_invariants)
    return texts


def _cause(facts: Facts) -> list[Text]:
    names = listed([f"“{name}”" for name in facts.evidence.faults]) or "a fault"
    texts: list[Text] = [(f"The drill itself: it injected {names}. {sentence(facts.start.summary)}",)]
    changes = [change for _, change in events(facts.entries, FaultChanged)]
    proof = [change.evidence for change in changes if change.change == "confirmed" and change.evidence]
    texts.extend((f"Confirmed: {evidence.rstrip('.')}.",) for evidence in proof)
    return texts


def _detection(facts: Facts) -> list[Text]:
    ttd, objective = facts.result.durations.ttd, facts.start.objectives.detect_s
    if ttd is None:
        return [("No alert fired.",)]
    kept = "within" if ttd <= objective else "over"
    text = f"An alert fired {seconds(ttd)} after the first bad sample"
    return [(f"{text}, {kept} the objective of {objective:g} s.",)]


def _resolution(facts: Facts) -> list[Text]:
    result = facts.result
    texts: list[Text] = [_cured_by(step) for step in result.steps if step.effect is Effect.CURED]
    if result.verdict is Verdict.RESOLVED:
        if not texts:
            texts.append(("No single step was seen to cure it.",))
        took, held = seconds(result.durations.ttr), count(len(result.invariants), "invariant")
        proof = f"Afterwards the cause was gone, and {held} held"
        texts.append((f"It took {took} from the impact to the last SLI that was good again. {proof}.",))
        return texts
    texts.append((f"Not resolved ({result.verdict}). {sentence(result.reason)}",))
    if facts.start.reference_cure:
        texts.append((f"What really cures it: {sentence(facts.start.reference_cure)}",))
    return texts


def _cured_by(step: StepResult) -> Text:
    command = step.run or step.command
    named = called(step.text, command)
    what: Text = (": ", Code(shortened(command))) if command and step.text != command else ()
    return (f"The SLIs were good again after line {step.line}, ", *named, *what)


def _prevention(facts: Facts) -> list[Text]:
    if not facts.result.repeat:
        return []
    return [
        ("Repeat this drill after every change to the runbook or the system: ", Code(facts.result.repeat))
    ]


_FILLS: Mapping[str, Callable[[Facts], list[Text]]] = {
    "summary": _summary,
    "impact": _impact,
    "cause": _cause,
    "detection": _detection,
    "resolution": _resolution,
    "prevention": _prevention,
}

_HUMAN: Mapping[str, str] = {
    "summary": "",
    "timeline": "",
    "detection": "",
    "resolution": "",
    "impact": "what such an outage would cost real users and revenue",
    "cause": "what could bring this about in production",
    "prevention": "what would keep it from happening at all",
    "actions": "who does each of them, and by when",
}
