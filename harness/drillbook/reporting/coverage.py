"""The coverage of a runbook by drills: which of its steps were carried out, and what each did.

Made from the run directories' journals; what a step came to is said in `usage`, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drillbook.errors import InputError
from drillbook.model import Json, Runbook, to_json
from drillbook.reporting import text as words
from drillbook.reporting.usage import Deed, Drilled, SectionUsage, StepUsage, Use, usage
from drillbook.result import JOURNAL, parsed_runbook
from drillbook.runbook.source import normalise, read_source

SCHEMA = 1
_TENTHS = 10
_WIDEST = 72


@dataclass(frozen=True, slots=True)
class Coverage:
    """What `drills` did with each step of `runbook`; some of them may count for nothing."""

    runbook: Runbook
    sections: tuple[SectionUsage, ...]
    drills: tuple[Drilled, ...]

    @property
    def steps(self) -> list[StepUsage]:
        """Every step, in the order of the runbook."""
        return [step for section in self.sections for step in section.steps]

    @property
    def counted(self) -> list[Drilled]:
        """The drills that count."""
        return [drill for drill in self.drills if not drill.left_out]

    @property
    def left_out(self) -> list[Drilled]:
        """The drills that have no say on the runbook, or in which it was not the runbook that acted."""
        return [drill for drill in self.drills if drill.left_out]

    @property
    def carried_out(self) -> int:
        """How many steps some drill carried out."""
        return sum(len(section.exercised) for section in self.sections)

    @property
    def possible(self) -> int:
        """How many steps a drill can carry out: all but what only a human can do."""
        return sum(len(section.possible) for section in self.sections)

    @property
    def percent(self) -> float | None:
        """`carried_out` of `possible` in per cent, rounded down to a tenth; None of nothing."""
        return percent(self.carried_out, self.possible)

    @property
    def counts(self) -> dict[Use, int]:
        """How many steps came to what, in the order of the words."""
        uses = [step.use for step in self.steps]
        return {use: uses.count(use) for use in Use}

    def below(self, least: float) -> bool:
        """Whether less than `least` per cent of the possible steps were carried out."""
        return self.carried_out * 100 < least * self.possible


def percent(part: int, whole: int) -> float | None:
    """`part` of `whole` in per cent, rounded down to a tenth, so that only all is 100; None of nothing."""
    return part * 100 * _TENTHS // whole / _TENTHS if whole else None


def cover(drills: Sequence[Drilled]) -> Coverage:
    """The coverage of the runbook of `drills`, of which there is at least one.

    Raises:
        InputError: they are of different runbooks.
        JournalError: a journal's runbook is not one.
    """
    first = drills[0]
    for drill in drills:
        if drill.result.runbook.sha256 != first.result.runbook.sha256:
            raise InputError(
                f"is of another text of the runbook than {first.run_dir}",
                path=drill.run_dir,
                hint="name runs of one text only",
            )
    book = parsed_runbook(first.start)
    return Coverage(book, tuple(usage(book, drills)), tuple(drills))


def runbook_lines(runbook: Runbook, file: Path | None = None) -> list[str]:
    """The text that was drilled, line by line; from `file`, or from where it was.

    Raises:
        InputError: it can't be read, or is not the text that was drilled.
    """
    path = file or Path(runbook.path)
    hint = "name a file with the text that was drilled: --runbook FILE"
    try:
        text, sha256 = read_source(path)
    except InputError as error:
        raise InputError(f"{error.message}, and coverage is of its lines", path=path, hint=hint) from error
    if sha256 != runbook.sha256:
        raise InputError(
            f"is not the text that was drilled (SHA-256 {runbook.sha256[:12]}…)",
            path=path,
            hint=f"run the drills again, or {hint}",
        )
    return normalise(text).removesuffix("\n").split("\n")


def pointer(deed: Deed) -> str:
    """Where it says so, as `path:line` of a journal."""
    return f"{deed.drill.run_dir / JOURNAL}:{deed.line}"


def as_json(coverage: Coverage) -> dict[str, Json]:
    """The document that `--json` writes."""
    book = coverage.runbook
    return {
        "schema": SCHEMA,
        "runbook": {"path": book.path, "sha256": book.sha256, "title": book.title},
        "percent": coverage.percent,
        "carried_out": coverage.carried_out,
        "possible": coverage.possible,
        "states": {use.value: count for use, count in coverage.counts.items()},
        "drills": [_drill(drill) for drill in coverage.counted],
        "left_out": [{**_drill(drill), "why": drill.left_out} for drill in coverage.left_out],
        "sections": [
            {
                "title": section.section.title,
                "line": section.section.line,
                "carried_out": len(section.exercised),
                "possible": len(section.possible),
                "percent": percent(len(section.exercised), len(section.possible)),
            }
            for section in coverage.sections
        ],
        "steps": [_step(step) for step in coverage.steps],
    }


def _drill(drill: Drilled) -> dict[str, Json]:
    return {
        "drill": drill.name,
        "verdict": drill.result.verdict.value,
        "severity": drill.result.severity,
        "journal": f"{drill.run_dir / JOURNAL}:1",
    }


def _step(told: StepUsage) -> Json:
    step = told.step
    return {
        "line": step.line,
        "end_line": step.end_line or step.line,
        "section": list(step.section),
        "text": step.text,
        "command": step.command,
        "kind": step.kind.value,
        "state": told.use.value,
        "why": told.why,
        "hits": told.hits,
        "counts": {use.value: count for use, count in told.counts.items()},
        "drills": [
            {
                "drill": deed.drill.name,
                "effect": deed.use.value,
                "why": deed.why,
                "exit_code": deed.exit_code,
                "verdict": deed.drill.result.verdict.value,
                "journal": pointer(deed),
                "lines": to_json(deed.lines),
            }
            for deed in told.deeds
        ],
    }


def counts_text(told: StepUsage) -> str:
    """In how many drills it came to what, such as `cured 3, no effect 7`."""
    return ", ".join(f"{use} {count}" for use, count in told.counts.items())


def headline(coverage: Coverage) -> str:
    """The coverage in one sentence."""
    drills = words.count(len(coverage.counted), "drill")
    if not coverage.possible:
        return f"The runbook has no step that a drill could carry out ({drills})"
    whole = words.count(coverage.possible, "step")
    return f"{drills} carried out {coverage.carried_out} of {whole}: {coverage.percent:.1f} %"


def as_text(coverage: Coverage) -> str:
    """The coverage for a terminal: the sum, then each step under its section."""
    states = ", ".join(f"{count} {use}" for use, count in coverage.counts.items() if count)
    lines = [f"{coverage.runbook.path}: {headline(coverage)}", f"{len(coverage.steps)} steps: {states}"]
    for section in coverage.sections:
        done = f"{len(section.exercised)} of {len(section.possible)}"
        lines += ["", f"{section.section.title}  ({done})"]
        for told in section.steps:
            counts = f"  ({counts_text(told)})" if len(told.counts) > 1 else ""
            drills = str(told.hits or "")
            what = words.shortened(told.step.text, _WIDEST)
            lines.append(f"{told.step.line:>5}  {told.use:<15}  {drills:>4}  {what}{counts}")
    if coverage.left_out:
        lines += ["", "Left out:"]
        lines += [f"  {drill.name}: {words.shortened(drill.left_out)}" for drill in coverage.left_out]
    return "\n".join(lines) + "\n"
