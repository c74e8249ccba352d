"""What the terminal shows of drills with altered steps: a table, what came of it, where the reports are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from drillbook.alterations.ablation import Necessity
from drillbook.alterations.kills import Fate
from drillbook.alterations.mutants import Mutant
from drillbook.alterations.pages import Ablation, Mutation
from drillbook.model import Verdict

_PLAIN_WIDTH = 120
_NECESSITY = {
    Necessity.NEEDED: "bold green",
    Necessity.BALLAST: "dim",
    Necessity.HARM: "bold red",
    Necessity.NO_SAY: "bold magenta",
}
_FATE = {
    Fate.KILLED: "green",
    Fate.SURVIVED: "bold red",
    Fate.BACKED_UP: "yellow",
    Fate.ACCEPTED: "yellow",
    Fate.NO_SAY: "bold magenta",
}


def _console(*, quiet: bool) -> Console:
    """Standard output, or standard error where JSON goes to the former."""
    plain = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PLAIN_WIDTH
    return Console(width=plain, highlight=False, stderr=quiet)


def _table(*columns: str) -> Table:
    made = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        made.add_column(
            column,
            overflow="fold",
            justify="right" if column == "line" else "left",
            no_wrap=column in ("mutant", "fate", "verdict", "it is"),
        )
    return made


def show_ablation(ablation: Ablation, out: Path, *, quiet: bool) -> None:
    """Print what each step is, drill by drill."""
    console = _console(quiet=quiet)
    made = _table("scenario/variant", "line", "step", "without it", "it is")
    for drill in ablation.drills:
        for place, step in enumerate(drill.steps):
            made.add_row(
                drill.name if place == 0 else "",
                str(step.line),
                Text(step.text) + Text(" (reads)" if step.reads else "", "dim"),
                str(step.verdict or "-"),
                Text(step.necessity.value, _NECESSITY[step.necessity]),
            )
    console.print(made)
    for drill in ablation.drills:
        if drill.why_not:
            console.print(Text(f"{drill.name}: ", "bold") + Text(f"nothing left out: {drill.why_not}"))
        elif drill.smallest is not None:
            lines = ", ".join(str(line) for line in drill.smallest.lines)
            console.print(Text(f"{drill.name}: ", "bold") + Text(f"smallest set that cures: line {lines}"))
    console.print(Text(f"{ablation.headline}.", "bold"))
    console.print(f"Report: {out}/ablation.html", soft_wrap=True)


def show_mutation(mutation: Mutation, out: Path, *, quiet: bool) -> None:
    """Print what became of each mutant that matters, and the kill rate."""
    console = _console(quiet=quiet)
    made = _table("scenario/variant", "mutant", "before", "after", "fate", "verdict")
    shown = [outcome for outcome in mutation.outcomes if not outcome.immaterial or outcome.verdict]
    for place, outcome in enumerate(shown):
        mutant = outcome.mutant
        made.add_row(
            mutant.drill if place == 0 or shown[place - 1].mutant.drill != mutant.drill else "",
            mutant.name,
            _brief(mutant.before),
            _brief(mutant.after) or Text("(left out)", "dim"),
            Text(outcome.fate.value, _FATE.get(outcome.fate, "dim")),
            f"{outcome.verdict or '-'}{' (finding)' if outcome.by == 'finding' else ''}",
        )
    if shown:
        console.print(made)
    for whole in mutation.wholes:
        if whole.verdict is not Verdict.RESOLVED:
            name = Text(f"{whole.scenario}/{whole.variant}: ", "bold")
            console.print(
                name + Text(f"nothing to break, since as it is it is {whole.verdict}: {whole.reason}")
            )
    for outcome in mutation.survivors:
        console.print(Text(f"{outcome.mutant.id}: ", "bold") + Text(f"{outcome.fate.value}: {outcome.why}"))
    for ident in mutation.outdated:
        console.print(
            Text(f"{ident}: ", "bold") + Text("the plan accepts it as a survivor, and it was killed")
        )
    counts = mutation.tally
    if counts.immaterial:
        console.print(Text(f"{counts.immaterial} mutants do not matter; --all drills them too", "dim"))
    console.print(Text(f"Kill rate {mutation.rate}: {mutation.headline}.", "bold"))
    console.print(f"Report: {out}/mutants.html", soft_wrap=True)


def show_mutants(mutants: list[Mutant]) -> None:
    """Print mutants that were not drilled."""
    made = _table("scenario/variant", "mutant", "before", "after", "step")
    for place, mutant in enumerate(mutants):
        made.add_row(
            mutant.drill if place == 0 or mutants[place - 1].drill != mutant.drill else "",
            mutant.name,
            _brief(mutant.before),
            _brief(mutant.after) or Text("(left out)", "dim"),
            Text("reads" if mutant.reads else "changes", "dim"),
        )
    _console(quiet=False).print(made)


def _brief(text: str, longest: int = 44) -> str:
    """`text` on one line, cut in its middle where it is longer than `longest`."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest // 2 - 1]}…{line[-(longest // 2) :]}"
