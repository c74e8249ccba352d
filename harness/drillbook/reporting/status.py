"""The status updates that the runbook asks for, in its own template and at the moments that it names.

Its intervals are kept on the drill's clock, which a plan may speed up. An update knows only what was known
at its moment. Fields that the journal can't fill stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drillbook.desk.updates import DEFAULT_TEMPLATE
from drillbook.events import ResponderActed, Sampled, StepStarted
from drillbook.journal import events
from drillbook.model import Cadence, Verdict
from drillbook.reporting.facts import Facts, traffic
from drillbook.reporting.text import listed, seconds

_DEFAULT_CADENCES = (Cadence("start", "", 0), Cadence("resolution", "", 0))
_MOST_UPDATES = 48

_FIELD = re.compile(
    r"^(?P<lead>\s*(?:[-*+]\s+)?)(?P<open>\*\*|__)?(?P<label>[A-Za-z][A-Za-z /'-]*?)"
    r"(?P<colon>\s*(?:(?:\*\*|__):|:(?:\*\*|__)?))(?P<space>\s*)(?P<value>.*)$"
)
_STAGES: Mapping[str, str] = {
    "investigating": r"investigat|triag|open|new",
    "identified": r"identif|in progress|working|fixing",
    "monitoring": r"monitor|watching|mitigated",
    "resolved": r"resolv|closed|fixed|recovered",
}


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """One update: its file's name, its moment (monotonic), and which of start, update, resolution, end."""

    name: str
    t: float
    moment: str
    text: str


def status_updates(facts: Facts) -> list[StatusUpdate]:
    """The updates of a drill in their order; none if no SLI ever went bad."""
    begin = facts.times.detect if facts.times.detect is not None else facts.times.impact
    if begin is None:
        return []
    resolved = facts.result.verdict is Verdict.RESOLVED
    end = max(facts.evidence.cutoff, begin)
    cadences = {cadence.moment: cadence for cadence in reversed(_cadences(facts))}
    interval = cadences.get("interval")
    every = interval.interval_s / facts.start.clock_speed if interval and interval.interval_s else None
    moments: list[tuple[float, str]] = []
    if "start" in cadences:
        moments.append((begin, "start"))
    if every:
        times = (begin + n * every for n in range(1, _MOST_UPDATES + 1))
        moments.extend((t, "update") for t in times if t < end)
    if "resolution" in cadences:
        moments.append((end, "resolution" if resolved else "end"))
    out = []
    for number, (t, moment) in enumerate(moments, 1):
        later = t + every if every and moment != "resolution" else None
        text = _fill(facts, t, moment, later)
        out.append(StatusUpdate(f"{number:02d}-{moment}.md", t, moment, text))
    return out


def _cadences(facts: Facts) -> list[Cadence]:
    asked = [
        cadence
        for cadence in facts.runbook.cadences
        if not cadence.severities or facts.result.severity in cadence.severities
    ]
    return asked or list(_DEFAULT_CADENCES)


def _fill(facts: Facts, t: float, moment: str, later: float | None) -> str:
    template = facts.runbook.templates.status_update
    lines = (template.text if template else DEFAULT_TEMPLATE).strip("\n").splitlines()
    known = _known(facts, t, moment, later)
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    titled = bool(lines) and not _FIELD.match(lines[first])
    out = [
        _title(line, facts) if n == first and titled else _field(line, known, _stage(facts, t, moment))
        for n, line in enumerate(lines)
    ]
    if not titled:
        out.insert(0, f"[DRILL] {facts.start.title}")
    return "\n".join(out) + "\n"


def _title(line: str, facts: Facts) -> str:
    line = re.sub(r"[\[<{]?\bservice(?: name)?\b[\]>}]?", "app", line, count=1, flags=re.IGNORECASE)
    words = r"(?:brief|short)\s+(?:description|summary)|incident title|description|title"
    line, hits = re.subn(
        rf"[\[<{{]?\b(?:{words})\b[\]>}}]?", lambda _: facts.start.title, line, count=1, flags=re.IGNORECASE
    )
    return f"[DRILL] {line}" if hits else f"[DRILL] {line} - {facts.start.title}"


def _known(facts: Facts, t: float, moment: str, later: float | None) -> list[tuple[str, Callable[[], str]]]:
    """What can be filled: a pattern for the label, and the value."""
    ends = moment in ("resolution", "end")
    next_update = "none: the drill is over" if ends else "at its resolution"
    if later is not None and not ends:
        next_update = f"{facts.wall(later):%H:%M:%S} UTC"
    began = f"{facts.wall(facts.origin):%Y-%m-%d %H:%M:%S} UTC"
    return [
        (r"next update|next communication", lambda: next_update),
        (r"current action|actions?( taken)?|what we're doing", lambda: _action(facts, t, moment)),
        (r"(user |customer )?impact|affected( users)?|scope", lambda: _impact(facts, t)),
        (
            r"started( at)?|start( time)?|began|detected( at)?",
            lambda: began,
        ),
        (r"severity|sev|priority", lambda: facts.result.severity),
        (r"summary|description|title|incident", lambda: f"[DRILL] {facts.start.title}"),
        (r"time|updated( at)?|timestamp", lambda: f"{facts.wall(t):%Y-%m-%d %H:%M:%S} UTC"),
    ]


def _field(line: str, known: list[tuple[str, Callable[[], str]]], stage: str) -> str:
    match = _FIELD.match(line)
    if match is None:
        return line
    label, value = match["label"].strip(), match["value"]
    head = line[: match.start("space")] + (match["space"] or " ")
    if re.fullmatch(r"(current )?(status|state)", label, re.IGNORECASE):
        return head + _option(value, stage)
    for pattern, fill in known:
        if re.fullmatch(pattern, label, re.IGNORECASE):
            return head + fill()
    return line


def _option(value: str, stage: str) -> str:
    """The one of the template's own words that means `stage`."""
    options = [option.strip(" []<>*_") for option in re.split(r"[/|,]", value)]
    return next((o for o in options if re.search(_STAGES[stage], o, re.IGNORECASE)), stage.capitalize())


def _stage(facts: Facts, t: float, moment: str) -> str:
    if moment == "resolution":
        return "resolved"
    acted = facts.times.act is not None and facts.times.act <= t
    if acted and not _bad_at(facts, t):
        return "monitoring"
    return "identified" if acted else "investigating"


def _bad_at(facts: Facts, t: float) -> list[str]:
    last: dict[str, Sampled] = {}
    for _, sample in events(facts.entries, Sampled):
        if sample.end <= min(t, facts.evidence.cutoff):
            last[sample.sli] = sample
    return [sli for sli, sample in last.items() if not sample.good]


def _impact(facts: Facts, t: float) -> str:
    impact = facts.times.impact
    if impact is None or impact > t:
        return "none seen yet"
    bad = _bad_at(facts, t)
    now = f"{listed(bad)} failing" if bad else "none any more; all checks pass"
    seen = traffic(facts.entries, impact, min(t, facts.evidence.cutoff))
    failed = f"; {seen.failures} of {seen.requests} customer requests failed so far" if seen.requests else ""
    mitigate = facts.times.mitigate
    if mitigate is None or mitigate > t or bad:
        return f"{now}{failed}"
    return f"{now}{failed}; it lasted {seconds(mitigate - impact)}"


def _action(facts: Facts, t: float, moment: str) -> str:
    if moment == "resolution":
        return "none; resolved and verified"
    if moment == "end":
        return "none; the drill has ended and it is not resolved"
    ran = [step for entry, step in events(facts.entries, StepStarted) if entry.t <= t]
    if ran:
        return f"{ran[-1].text} (line {ran[-1].line} of the runbook)"
    began = [entry.t for entry, act in events(facts.entries, ResponderActed) if act.change == "ack"]
    if began and began[0] <= t:
        return "the responder has begun"
    if not facts.start.sections:
        return "the alert has fired; next is the runbook"
    section = facts.start.sections[0]
    return f"the alert has fired; next is “{section}” of the runbook"
