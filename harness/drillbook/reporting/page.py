"""The post-mortem as Markdown and as one HTML file, made from the templates in reports/.

What is told is made elsewhere; here it only gets its form. Whatever came from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drillbook.events import StepEnded
from drillbook.evidence import gather
from drillbook.journal import Entry
from drillbook.model import Verdict
from drillbook.reporting import text as words
from drillbook.reporting.actions import actions
from drillbook.reporting.chart import WIDTHS, chart, strip
from drillbook.reporting.checklist import checklist, postmortem_due
from drillbook.reporting.compare import compare
from drillbook.reporting.facts import Facts
from drillbook.reporting.sections import sections
from drillbook.reporting.status import StatusUpdate
from drillbook.reporting.strips import strips
from drillbook.reporting.templates import environment
from drillbook.reporting.timeline import timeline
from drillbook.verdict import NO_SAY

_FOLDED_LINES = 8

_TONES = {
    Verdict.RESOLVED: "good",
    Verdict.NOT_RESOLVED: "bad",
    Verdict.STEP_BROKEN: "bad",
    Verdict.HARMFUL: "bad",
}


def postmortem(facts: Facts, updates: list[StatusUpdate], *, form: str, templates: Path) -> str:
    """The post-mortem in `form`, `md` or `html`, by the template `postmortem.<form>.j2` in `templates`."""
    made = environment(templates, html=form == "html")
    return made.get_template(f"postmortem.{form}.j2").render(_content(facts, updates, form=form))


def _content(facts: Facts, updates: list[StatusUpdate], *, form: str) -> dict[str, Any]:
    result = facts.result
    told = sections(facts)
    return {
        "facts": facts,
        "result": result,
        "start": facts.start,
        "runbook": facts.runbook,
        "tone": _TONES.get(result.verdict, "none"),
        "no_say": result.verdict in NO_SAY,
        "figures": figures(facts),
        "sections": told,
        "meanings": {section.meaning for section in told},
        "own_headings": bool(facts.runbook.templates.post_mortem),
        "timeline": timeline(facts),
        "actions": actions(facts),
        "checklist": checklist(facts),
        "due": postmortem_due(facts),
        "steps": result.steps,
        "outputs": _outputs(facts),
        "compared": compare(facts),
        "updates": updates,
        "default_status": facts.runbook.templates.status_update is None,
        "charts": [chart(facts, width) for width in WIDTHS] if form == "html" else [],
        "strips": _beside(facts) if form == "html" else [],
        "text_strips": strips(facts) if form == "md" else "",
        "Code": words.Code,
    }


def figures(facts: Facts) -> list[dict[str, str]]:
    """The figures at the head: name, what it means, value, the objective, and whether it was kept."""
    spans, objectives = facts.result.durations, facts.start.objectives
    rows = (
        ("TTD", "to detect", spans.ttd, objectives.detect_s),
        ("TTA", "to acknowledge", spans.tta, None),
        ("TTM", "to mitigate", spans.ttm, None),
        ("TTR", "to resolve", spans.ttr, objectives.resolve_s),
    )
    out = []
    for name, meaning, value, objective in rows:
        kept = "" if objective is None else "kept" if value is not None and value <= objective else "missed"
        goal = "" if objective is None else f"objective {words.seconds(objective).removesuffix('.0 s')}"
        if goal and not goal.endswith(("s", "min")):
            goal += " s"
        shown = words.seconds(value)
        out.append({"name": name, "meaning": meaning, "value": shown, "goal": goal, "kept": kept})
    return out


def _outputs(facts: Facts) -> list[dict[str, Any] | None]:
    """The output of each step in the order of the result's steps; None for one that was passed over."""
    ends = iter([end for _, _, end in facts.steps_run()])
    return [None if step.skipped else _output(next(ends)) for step in facts.result.steps]


def _output(end: StepEnded | None) -> dict[str, Any]:
    streams = [("stdout", end.stdout), ("stderr", end.stderr)] if end else []
    shown = [(name, text.rstrip()) for name, text in streams if text.strip()]
    lines = sum(text.count("\n") + 1 for _, text in shown)
    return {"streams": shown, "lines": lines, "folded": lines > _FOLDED_LINES}


def _beside(facts: Facts) -> list[tuple[int, str, str]]:
    """For each width the SLIs of the drill and of its control, on one scale; empty without a control."""
    if facts.control is None or facts.result.control is None or not facts.control:
        return []
    if facts.result.control.verdict in NO_SAY or facts.times.impact is None:
        return []
    span = max(_span(facts.entries), _span(facts.control))
    return [
        (width, strip(facts.entries, width, span), strip(facts.control, width, span, facts.evidence.slis))
        for width in WIDTHS
    ]


def _span(entries: Sequence[Entry]) -> float:
    evidence = gather(entries)
    return evidence.cutoff - evidence.impact if evidence.impact is not None else 0.0
