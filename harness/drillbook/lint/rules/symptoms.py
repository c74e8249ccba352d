"""Symptoms that the runbook describes and does not say what to do about."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drillbook.lint.rule import Found, Rule, Subject
from drillbook.model import Level, Section
from drillbook.runbook.document import Code, Heading, Prose

_SYMPTOM = re.compile(r"^\W*symptoms?\b", re.IGNORECASE)


def _without_steps(subject: Subject) -> Iterator[Found]:
    for element in subject.document.elements:
        if isinstance(element, Heading) and _SYMPTOM.match(element.section.title):
            line, problem = element.section.line, _parent(subject, element.section)
        elif isinstance(element, Prose) and _SYMPTOM.match(element.inline.text):
            line, problem = element.line, element.section
            if problem is not None and _SYMPTOM.match(problem.title):
                continue  # the heading above has been looked at
        else:
            continue
        if problem is not None and not _says_what_to_do(subject, problem):
            yield Found(
                line,
                f"“{problem.title}” has symptoms, and no step to take",
                "write the first thing to check or to do, or link to the section that has it",
            )


def _parent(subject: Subject, section: Section) -> Section | None:
    above = [s for s in subject.runbook.sections if s.line < section.line and s.level < section.level]
    return above[-1] if above else None


def _says_what_to_do(subject: Subject, problem: Section) -> bool:
    if subject.steps_within(problem):
        return True
    body = subject.document.within(problem)
    if any(isinstance(e, Code) or (isinstance(e, Prose) and e.inline.links) for e in body):
        return True
    # Checkboxes are no steps of a drill, yet they say what to do.
    return any(problem.line < item.line <= subject.end_of(problem) for item in subject.runbook.checklist)


RULES = (
    Rule(
        "symptom-without-steps",
        "Symptom without steps",
        Level.WARNING,
        "A section describes how a failure shows, and not what to do about it.",
        _without_steps,
    ),
)
