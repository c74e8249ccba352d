"""The suite report: all drills of a run on one page, for the person who has five minutes.

What needs attention comes first, then the matrix, then what the runbook misses, at last the runbook line by
line. Made from the run directories' journals, and judged nowhere but in the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drillbook.events import DrillStarted
from drillbook.library import reports_dir
from drillbook.model import Finding, Runbook, Verdict
from drillbook.repeats import Repeats, grouped
from drillbook.reporting import repeats as spread
from drillbook.reporting import text as words
from drillbook.reporting.coverage import Coverage, cover
from drillbook.reporting.templates import environment
from drillbook.reporting.usage import EXERCISED, SectionUsage, Use, read_drilled
from drillbook.result import DrillResult
from drillbook.verdict import NO_SAY

NAMES = ("suite.md", "suite.html")
_ACTORS = {"runbook": "The runbook", "none": "Doing nothing", "reference": "The reference cure"}


@dataclass(frozen=True, slots=True)
class Row:
    """One drill of the suite: its result, how it began, and where its own report is."""

    result: DrillResult
    start: DrillStarted
    folder: str

    @property
    def name(self) -> str:
        """Scenario and variant."""
        return f"{self.result.scenario}/{self.result.variant}"

    @property
    def tone(self) -> str:
        """How the verdict is to be shown: `good`, `gap` (a known one), `bad` or `none` (it has no say)."""
        if self.result.verdict in NO_SAY or self.result.verdict is Verdict.SELF_HEALED:
            return "none"
        if not self.result.expected:
            return "bad"
        return "gap" if self.result.known_gap is not None else "good"


@dataclass(frozen=True, slots=True)
class Suite:
    """All drills of a run, by severity and then in the order of the plan."""

    rows: tuple[Row, ...]
    coverage: Coverage

    @property
    def runbook(self) -> Runbook:
        """The runbook of the first drill."""
        return self.coverage.runbook

    @property
    def sections(self) -> tuple[SectionUsage, ...]:
        """What the drills of that runbook did with its steps."""
        return self.coverage.sections

    @property
    def applied(self) -> list[Row]:
        """The drills that the stack has what they need for."""
        return [row for row in self.rows if row.result.verdict is not Verdict.NOT_APPLICABLE]

    @property
    def not_applicable(self) -> list[Row]:
        """The drills that the stack lacks something for: in no denominator, and no failure of anybody's."""
        return [row for row in self.rows if row.result.verdict is Verdict.NOT_APPLICABLE]

    @property
    def attention(self) -> list[Row]:
        """The drills that did not end as expected."""
        return [row for row in self.applied if not row.result.expected]

    @property
    def missed(self) -> list[Row]:
        """What the runbook does not resolve, known or not."""
        return [row for row in self.rows if row.tone in ("bad", "gap")]

    @property
    def resolved(self) -> list[Row]:
        """What the runbook resolves."""
        return [row for row in self.rows if row.result.verdict is Verdict.RESOLVED]

    @property
    def without_say(self) -> list[Row]:
        """The drills that have no say on the runbook, and are in no denominator."""
        return [row for row in self.applied if row.tone == "none"]

    @property
    def findings(self) -> list[Finding]:
        """What the drills came upon, each once, by line."""
        found = {finding: None for row in self.rows for finding in row.result.findings}
        return sorted(found, key=lambda finding: (finding.line, finding.message))

    def count(self, *uses: Use) -> int:
        """How many steps of the runbook have one of `uses`."""
        return sum(len(section.lines(*uses)) for section in self.sections)

    @property
    def repeats(self) -> list[Repeats]:
        """What the drills of a variant that was run several times say together."""
        return grouped(row.result for row in self.rows)

    @property
    def headline(self) -> str:
        """The run in one sentence."""
        said = len(self.applied) - len(self.without_say)
        who = _ACTORS.get(self.rows[0].result.responder, "The responder")
        what = words.count(said, "drill") if self.repeats else f"{words.count(said, 'failure')} drilled"
        text = f"{who} resolves {len(self.resolved)} of {what}"
        known = sum(row.tone == "gap" for row in self.rows)
        parts = [words.count(known, "is a known gap", "are known gaps")] if known else []
        if self.attention:
            parts.append(words.count(len(self.attention), "is not as expected", "are not as expected"))
        if self.without_say:
            parts.append(words.count(len(self.without_say), "has no say", "have no say"))
        if self.not_applicable:
            parts.append(words.count(len(self.not_applicable), "is not applicable", "are not applicable"))
        return f"{text}; {words.listed(parts)}" if parts else text


def gather(run_dirs: Sequence[Path], results: Sequence[DrillResult]) -> Suite:
    """The suite of the drills in `run_dirs`, whose results are `results`, in the same order.

    Raises:
        JournalError: a journal can't be read.
    """
    drills = [read_drilled(run_dir, result) for run_dir, result in zip(run_dirs, results, strict=True)]
    rows = [Row(drill.result, drill.start, drill.run_dir.name) for drill in drills]
    same = [drill for drill in drills if drill.result.runbook.sha256 == results[0].runbook.sha256]
    rows.sort(key=lambda row: row.result.severity)
    return Suite(tuple(rows), cover(same))


def rendered(suite: Suite, *, coverage_page: bool = False) -> dict[str, str]:
    """The suite report by the name of its file; `coverage_page` says whether one is beside it.

    Raises:
        StackError: the templates are missing.
    """
    templates = reports_dir()
    content: dict[str, Any] = {
        "suite": suite,
        "scenarios": _scenarios(suite),
        "used": _used(suite),
        "percent": words.share(suite.coverage.carried_out, suite.coverage.possible),
        "coverage_page": coverage_page,
        "Use": Use,
        "EXERCISED": tuple(EXERCISED),
        "lines": lines,
        "repeats": suite.repeats,
        "spread": spread,
        "began": min(row.result.started for row in suite.rows),
        "versions": suite.rows[0].result.versions,
    }
    return {
        name: environment(templates, html=name.endswith(".html")).get_template(f"{name}.j2").render(content)
        for name in NAMES
    }


def lines(numbers: Sequence[int]) -> str:
    """Line numbers with runs drawn together, such as `3, 7 to 9`; a dash where there are none."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{p[0]} to {p[-1]}" if len(p) > 1 else str(p[0]) for p in parts) or words.NOT_KNOWN


def _scenarios(suite: Suite) -> list[tuple[str, list[Row]]]:
    """The rows by scenario, in their order."""
    found: dict[str, list[Row]] = {}
    for row in suite.rows:
        found.setdefault(row.result.scenario, []).append(row)
    return list(found.items())


def _used(suite: Suite) -> list[tuple[str, str, str]]:
    """What else of the runbook the drills used, beside its steps: the part, its lines, and for what."""
    book = suite.runbook
    reports = words.count(len(suite.rows), "drill")
    severities = sorted({row.result.severity for row in suite.rows})
    named = [level.line for level in book.severities if level.level in severities]
    found = []
    if book.severities:
        use = f"response times of {words.listed(severities)}; no drill is of another" if named else "no drill"
        found.append(("Severity levels", lines([level.line for level in book.severities]), use))
    if book.cadences:
        found.append(("Status updates", lines([c.line for c in book.cadences]), f"when {reports} told of it"))
    if book.templates.status_update is not None:
        template = book.templates.status_update
        span = range(template.line, template.line + len(template.text.strip("\n").splitlines()))
        found.append(("Status template", lines(list(span)), f"filled in for {reports}"))
    if book.checklist:
        found.append(("Checklist", lines([item.line for item in book.checklist]), f"ticked for {reports}"))
    if book.templates.post_mortem:
        asked = [heading.line for heading in book.templates.post_mortem]
        found.append(("Post-mortem template", lines(asked), f"filled in for {reports}"))
    if book.contacts:
        use = "named as roles; nobody was contacted"
        found.append(("Contacts", lines([contact.line for contact in book.contacts]), use))
    return found
