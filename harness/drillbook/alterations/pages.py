"""The reports of drills with altered steps: what `ablation.*` and `mutants.*` in a run's directory say.

Made from what was judged, and judging nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from drillbook.alterations import ablation as ablations
from drillbook.alterations.ablation import AblatedDrill, LineNecessity, Necessity
from drillbook.alterations.kills import SURVIVORS, Fate, Outcome, Tally, tally
from drillbook.alterations.operators import ABOUT
from drillbook.errors import StackError
from drillbook.library import reports_dir
from drillbook.model import Json, to_json
from drillbook.reporting import text as words
from drillbook.reporting.templates import environment
from drillbook.result import SCHEMA, DrillResult, dumps

FORMS = ("md", "html")


@dataclass(frozen=True, slots=True)
class Ablation:
    """What leaving steps out came to. `interrupted_by` is who ended the command early, or empty."""

    drills: tuple[AblatedDrill, ...]
    seconds: float
    interrupted_by: str = ""

    @property
    def lines(self) -> list[LineNecessity]:
        """Each step of the runbook, over all drills."""
        return ablations.by_line(self.drills)

    def count(self, necessity: str, *, reads: bool | None = None) -> int:
        """How many of the steps left out are of that necessity."""
        return ablations.count(self.drills, Necessity(necessity), reads=reads)

    @property
    def headline(self) -> str:
        """All of it in one sentence."""
        total = sum(len(drill.steps) for drill in self.drills)
        ballast, reading = self.count("ballast"), self.count("ballast", reads=True)
        only = f" ({reading} of them only {'reads' if reading == 1 else 'read'})" if reading else ""
        harm = self.count("does harm")
        parts = [
            words.count(self.count("needed"), "is needed", "are needed"),
            words.count(ballast, "is ballast", "are ballast") + only,
            words.count(harm, "does harm", "do harm") if harm else "none does harm",
        ]
        if self.count("no say"):
            parts.append(words.count(self.count("no say"), "has no say", "have no say"))
        of = words.count(total, "step that was carried out", "steps that were carried out")
        return f"Of {of} and then left out, {words.listed(parts)}"

    def to_json(self) -> dict[str, Json]:
        """The document `ablation.json`."""
        return {
            "schema": SCHEMA,
            "runbook": _runbook([drill.whole for drill in self.drills]),
            "headline": self.headline,
            "seconds": self.seconds,
            "interrupted": bool(self.interrupted_by),
            "drills": [_drill_json(drill) for drill in self.drills],
            "lines": [_line_json(line) for line in self.lines],
        }


def _drill_json(drill: AblatedDrill) -> Json:
    data = cast("dict[str, Json]", to_json(drill))
    data["whole"] = _whole(drill.whole)
    return {"drill": drill.name, **data}


def _line_json(line: LineNecessity) -> Json:
    drills: dict[str, Json] = {which.value: list(names) for which, names in line.drills}
    return {"line": line.line, "text": line.text, "reads": line.reads, "drills": drills}


def _whole(whole: DrillResult) -> Json:
    return {
        "verdict": whole.verdict.value,
        "reason": whole.reason,
        "known_gap": whole.known_gap,
        "control": whole.control.verdict.value if whole.control is not None else None,
        "run_dir": whole.run_dir,
    }


def _runbook(wholes: Sequence[DrillResult]) -> Json:
    return to_json(wholes[0].runbook) if wholes else None


# --------------------------------------------------------------------------- mutants


@dataclass(frozen=True, slots=True)
class Mutation:
    """What the mutants came to. `wholes` are the drills of the whole sections, in their order.

    `outdated` are the ids of survivors that the plan accepts and that were killed.
    """

    wholes: tuple[DrillResult, ...]
    outcomes: tuple[Outcome, ...]
    seconds: float
    interrupted_by: str = ""
    outdated: tuple[str, ...] = ()

    @property
    def tally(self) -> Tally:
        """How many of them were killed."""
        return tally(self.outcomes)

    @property
    def rate(self) -> str:
        """The kill rate in words."""
        return words.share(self.tally.killed, self.tally.killed + self.tally.survived)

    @property
    def headline(self) -> str:
        """All of it in one sentence."""
        counts = self.tally
        of = words.count(counts.killed + counts.survived, "mutant that matters", "mutants that matter")
        parts = [f"{counts.killed} of {of} were killed"]
        if counts.backed_up:
            parts.append(f"{counts.backed_up} survived since another step cures as well")
        if counts.accepted:
            parts.append(
                words.count(counts.accepted, "survivor is", "survivors are") + " accepted by the plan"
            )
        if counts.no_say:
            parts.append(words.count(counts.no_say, "has no say", "have no say"))
        return "; ".join(parts)

    def of(self, whole: DrillResult) -> list[Outcome]:
        """The outcomes of the drill `whole`."""
        name = f"{whole.scenario}/{whole.variant}"
        return [outcome for outcome in self.outcomes if outcome.mutant.drill == name]

    @property
    def survivors(self) -> list[Outcome]:
        """Those that matter and survived, whatever the explanation."""
        return [one for one in self.outcomes if one.fate in SURVIVORS and not one.immaterial]

    @property
    def by_operator(self) -> list[tuple[str, Tally]]:
        """Each operator that had a mutant that matters, and how its mutants fared."""
        tallies = [
            (name, tally([one for one in self.outcomes if one.mutant.operator == name])) for name in ABOUT
        ]
        return [
            (name, counts)
            for name, counts in tallies
            if counts.killed + counts.survived + counts.backed_up + counts.accepted + counts.no_say
        ]

    def to_json(self) -> dict[str, Json]:
        """The document `mutants.json`."""
        return {
            "schema": SCHEMA,
            "runbook": _runbook(self.wholes),
            "headline": self.headline,
            "kill_rate": self.tally.rate,
            "tally": to_json(self.tally),
            "seconds": self.seconds,
            "interrupted": bool(self.interrupted_by),
            "outdated": list(self.outdated),
            "mutants": [_mutant_json(outcome) for outcome in self.outcomes],
        }


def _mutant_json(outcome: Outcome) -> Json:
    mutant = cast("dict[str, Json]", to_json(outcome.mutant))
    told = cast("dict[str, Json]", to_json(outcome))
    told.pop("mutant")
    return {"id": outcome.mutant.id, **mutant, **told}


# --------------------------------------------------------------------------- the files


def write_ablation(out: Path, ablation: Ablation) -> dict[str, Json]:
    """Write `ablation.json`, `.md` and `.html` in `out`; what the first holds.

    Raises:
        StackError: the templates are missing, or a file can't be written.
    """
    document = ablation.to_json()
    content = {"ablation": ablation, "Necessity": Necessity, "whole": [d.whole for d in ablation.drills]}
    _write_all(out, "ablation", document, content)
    return document


def write_mutation(out: Path, mutation: Mutation) -> dict[str, Json]:
    """Write `mutants.json`, `.md` and `.html` in `out`; what the first holds.

    Raises:
        StackError: the templates are missing, or a file can't be written.
    """
    document = mutation.to_json()
    _write_all(out, "mutants", document, {"mutation": mutation, "Fate": Fate, "about": ABOUT})
    return document


def _write_all(out: Path, name: str, document: Mapping[str, Json], content: Mapping[str, Any]) -> None:
    templates = reports_dir()
    files = {f"{name}.json": dumps(dict(document))}
    for form in FORMS:
        made = environment(templates, html=form == "html")
        made.globals["relative"] = lambda run_dir: _relative(run_dir, out)
        made.globals["listed"] = words.listed
        files[f"{name}.{form}"] = made.get_template(f"{name}.{form}.j2").render(content)
    try:
        for file, text in files.items():
            (out / file).write_text(text, "utf-8")
    except OSError as error:
        raise StackError(f"can't write a report: {error.strerror}", path=out) from error


def _relative(run_dir: str, out: Path) -> str:
    """The way from `out` to a run directory."""
    return Path(os.path.relpath(run_dir, out)).as_posix()
