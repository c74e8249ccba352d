"""The runbook's own checklist, with a tick where the drill itself has done the thing.

A tick needs proof; what a drill can't do stays open, with what it knows beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from drillbook.model import ChecklistItem, Verdict
from drillbook.reporting.actions import actions
from drillbook.reporting.facts import Facts
from drillbook.reporting.text import count, seconds


@dataclass(frozen=True, slots=True)
class Check:
    """A checkbox of the runbook: whether it is ticked, and what the drill knows of it."""

    line: int
    text: str
    ticked: bool
    note: str


def checklist(facts: Facts) -> list[Check]:
    """The runbook's checklist in its order."""
    return [_check(item, facts) for item in facts.runbook.checklist]


def _check(item: ChecklistItem, facts: Facts) -> Check:
    ticked, note = _known(item.text.lower(), facts)
    return Check(item.line, item.text, ticked or item.checked, note)


def _known(text: str, facts: Facts) -> tuple[bool, str]:
    if re.search(r"\b(document|written up|recorded|logged)", text):
        return True, "this document"
    if "root cause" in text:
        known = facts.evidence.confirmed is not None
        return known, "the drill injected it" if known else "the fault was not confirmed"
    return False, _note(text, facts)


def _note(text: str, facts: Facts) -> str:
    if re.search(r"\b(fix|patch)", text):
        if facts.result.verdict is Verdict.RESOLVED:
            return "the runbook's cure worked in this drill; a lasting fix is for a human"
        return "nothing that was tried resolved it"
    if re.search(r"\b(alert|monitor)", text):
        ttd = facts.result.durations.ttd
        return "no alert fired" if ttd is None else f"an alert fired after {seconds(ttd)}"
    if re.search(r"action items?|follow[- ]?up", text):
        return f"{count(len(actions(facts)), 'item')} listed; to whom they go is for a human"
    if re.search(r"\bpost[- ]?mortem\b|\bretro", text):
        due = postmortem_due(facts)
        return f"due by {due:%Y-%m-%d %H:%M} UTC, for a human to schedule" if due else "for a human"
    return "for a human"


def postmortem_due(facts: Facts) -> datetime | None:
    """By when the runbook wants the post-mortem, from the end of the incident on; None if it does not say.

    In days of the calendar: it is people who meet, whatever the speed of the drill's clock.
    """
    asked = next((c for c in facts.runbook.cadences if c.moment == "post-mortem" and c.interval_s), None)
    if asked is None or asked.interval_s is None:
        return None
    return facts.wall(facts.evidence.cutoff) + timedelta(seconds=asked.interval_s)
