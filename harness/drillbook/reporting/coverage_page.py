"""The runbook itself as one HTML page: its lines coloured by what the drills did there, drill by drill.

What is told is made in `coverage`; here it only gets its form. Whatever came from outside is escaped.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from drillbook.library import reports_dir
from drillbook.reporting import coverage as told
from drillbook.reporting.coverage import Coverage
from drillbook.reporting.templates import environment
from drillbook.reporting.usage import Deed, Drilled, StepUsage, Use
from drillbook.result import JOURNAL

NAME = "coverage.html"

SIGNS = {
    Use.HARMFUL: "!",
    Use.CURED: "✓",
    Use.HELPED: "↗",
    Use.NO_EFFECT: "=",
    Use.EXERCISED: "•",
    Use.BROKEN: "✗",
    Use.UNANSWERED: "?",
    Use.MANUAL: "○",
    Use.NEVER: "∅",
}

MEANINGS = {
    Use.HARMFUL: "the SLIs were worse after it, or came back while something was lost that no cure may harm",
    Use.CURED: "the SLIs held after it",
    Use.HELPED: "the SLIs were better after it, but did not hold",
    Use.NO_EFFECT: "it can change something, and the SLIs did not move",
    Use.EXERCISED: "it only looks, or leads to another section, or its effect is not proven",
    Use.BROKEN: "it could not run as written wherever it was tried",
    Use.UNANSWERED: "it ran, but its output had not what the plan expects; it does not count as carried out",
    Use.MANUAL: "only a human can do it, or the plan gives it no command; it is in no denominator",
    Use.NEVER: "no drill that counts came to it",
}


@dataclass
class Line:
    """One line of the runbook: of which step it is, if of one, and the steps that are told under it."""

    number: int
    text: str
    use: Use | None = None
    begins: bool = False
    steps: list[StepUsage] = field(default_factory=list)

    @property
    def classes(self) -> str:
        """Its classes in the page."""
        return "" if self.use is None else f"in {self.use.name.lower()}{' begins' if self.begins else ''}"


def coverage_page(coverage: Coverage, text: Sequence[str], folder: Path) -> str:
    """The page on `coverage`, of the runbook's lines `text`, with links as from the directory `folder`.

    Raises:
        StackError: the templates are missing.
    """
    content = {
        "coverage": coverage,
        "lines": listing(coverage, text),
        "tone": "good" if 0 < coverage.possible == coverage.carried_out else "none",
        "Use": Use,
        "signs": SIGNS,
        "meanings": MEANINGS,
        "counts_text": told.counts_text,
        "percent": told.percent,
        "report": lambda drill: _report(drill, folder),
        "place": lambda deed: _place(deed, folder),
        "began": min(drill.result.started for drill in coverage.drills),
    }
    return environment(reports_dir(), html=True).get_template(f"{NAME}.j2").render(content)


def listing(coverage: Coverage, text: Sequence[str]) -> list[Line]:
    """The lines of the runbook, each with what is to be shown at it; a step is told under its last line."""
    lines = [Line(number, line) for number, line in enumerate(text, 1)]
    for step in coverage.steps:
        last = max(step.step.end_line, step.step.line)
        for line in lines[step.step.line - 1 : last]:
            line.use = step.use
        for line in lines[step.step.line - 1 : step.step.line]:
            line.begins = True
        for line in lines[last - 1 : last]:
            line.steps.append(step)
    return lines


def _report(drill: Drilled, folder: Path) -> str:
    """The link to the drill's own report, or nothing where there is none."""
    page = drill.run_dir / "postmortem.html"
    return quote(_seen_from(folder, page)) if page.exists() else ""


def _place(deed: Deed, folder: Path) -> str:
    """The line of the journal that a word comes from."""
    return f"{_seen_from(folder, deed.drill.run_dir / JOURNAL)}:{deed.line}"


def _seen_from(folder: Path, path: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()
