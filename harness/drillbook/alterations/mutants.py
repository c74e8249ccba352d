"""The mutants of a drill: the plan and its runbook with one small mistake put into a step.

It makes them and says which of them matter; it drills none. A mutated runbook has as many lines as before,
and the parser reads the same steps in it, but for the mistake.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drillbook.alterations.ablation import carried_out, helped, unreached
from drillbook.alterations.operators import ABOUT, DROP, HOLLOW, SILENT, SWAP, mutations
from drillbook.bindings import Binding
from drillbook.model import Runbook, Step, Verdict
from drillbook.plan import Plan, PlannedDrill
from drillbook.platforms.railway_surface import is_state_changing
from drillbook.protocols import PlannedStep
from drillbook.responders.intent import changes_state
from drillbook.result import DrillResult, StepResult
from drillbook.runbook.parse import parse_text
from drillbook.runbook.source import normalise, read_source
from drillbook.schedule import planned_steps


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake in the steps of one drill.

    `name` is its operator and its line, as `threshold-48`; `lines` are those of the steps that it touches.
    `edits` holds the new commands by the line of their step, and is empty where steps are left out.
    `bound` says that the command is the plan's, `reads` that the steps can change nothing as they are.
    """

    drill: str
    name: str
    operator: str
    lines: tuple[int, ...]
    before: str
    after: str
    bound: bool
    reads: bool
    edits: Mapping[int, str]

    @property
    def id(self) -> str:
        """The mutant as a user names it."""
        return f"{self.drill}:{self.name}"

    @property
    def line(self) -> int:
        """The line of the first step that it touches."""
        return self.lines[0]

    @property
    def left_out(self) -> frozenset[int]:
        """The lines of the steps that are left out."""
        return frozenset() if self.edits else frozenset(self.lines)

    @property
    def text(self) -> str:
        """The mutant in a clause."""
        if self.operator == DROP:
            return f"line {self.line} is left out"
        if self.operator == SWAP:
            return f"lines {self.lines[0]} and {self.lines[1]} change places"
        if self.operator in (SILENT, HOLLOW):
            return f"line {self.line}: {ABOUT[self.operator].lower()}"
        before, after = (" ".join(part.split()) for part in (self.before, self.after))
        return f"{self.operator}, line {self.line}: {before} becomes {after}"


def mutants(plan: Plan, drill: PlannedDrill) -> list[Mutant]:
    """Every mutant of `drill`, in the order of its steps.

    Raises:
        InputError: the runbook can't be read.
    """
    source, _ = read_source(Path(plan.runbook.path))
    steps = [step for step in planned_steps(plan, drill) if _command(step)]
    found: list[Mutant] = []
    for place, planned in enumerate(steps):
        found.append(_mutant(drill, DROP, [planned], before=_command(planned), after="", edits={}))
        following = steps[place + 1] if place + 1 < len(steps) else None
        if following is not None and _alike(planned, following):
            first, second = _command(planned), _command(following)
            edits = {planned.step.line: second, following.step.line: first}
            found.append(_mutant(drill, SWAP, [planned, following], before=first, after=second, edits=edits))
        for operator, change in mutations(_command(planned)):
            edits = {planned.step.line: change.command}
            found.append(
                _mutant(drill, operator, [planned], before=change.before, after=change.after, edits=edits)
            )
    return _numbered([mutant for mutant in found if _can_be_written(plan, mutant, source)])


def _command(planned: PlannedStep) -> str:
    """What a mutant changes of a step: its command as written; empty where it has none."""
    if planned.manual or planned.leads_to:
        return ""
    return planned.run if planned.bound else planned.step.command or ""


def _alike(one: PlannedStep, other: PlannedStep) -> bool:
    """Whether two steps can change places without a line of the document moving."""
    same_lines = _command(one).count("\n") == _command(other).count("\n")
    return one.bound == other.bound and (one.bound or same_lines) and _command(one) != _command(other)


def _mutant(
    drill: PlannedDrill,
    operator: str,
    steps: Sequence[PlannedStep],
    *,
    before: str,
    after: str,
    edits: Mapping[int, str],
) -> Mutant:
    lines = tuple(planned.step.line for planned in steps)
    return Mutant(
        drill=drill.name,
        name=f"{operator}-{lines[0]}",
        operator=operator,
        lines=lines,
        before=before,
        after=after,
        bound=steps[0].bound,
        reads=not any(changes_state(_command(planned), is_state_changing) for planned in steps),
        edits=edits,
    )


def _numbered(found: Sequence[Mutant]) -> list[Mutant]:
    """The same mutants, the second and later ones of a name with their number."""
    seen: dict[str, int] = {}
    named = []
    for mutant in found:
        seen[mutant.name] = seen.get(mutant.name, 0) + 1
        number = seen[mutant.name]
        named.append(replace(mutant, name=f"{mutant.name}-{number}") if number > 1 else mutant)
    return named


# --------------------------------------------------------------------------- mutating the document


def _can_be_written(plan: Plan, mutant: Mutant, source: str) -> bool:
    return mutant.bound or not mutant.edits or mutated_runbook(plan.runbook, mutant, source) is not None


def mutated_text(runbook: Runbook, mutant: Mutant, source: str) -> str | None:
    """The document `source` with the mistake in it, line for line; None where its steps are not in it so."""
    lines = normalise(source).split("\n")
    steps = {step.line: step for step in runbook.steps}
    for line, command in mutant.edits.items():
        step = steps.get(line)
        if step is None or not _write(lines, step, command):
            return None
    return "\n".join(lines)


def _write(lines: list[str], step: Step, command: str) -> bool:
    """Put `command` in the place of that of `step`; False where it is not there to the letter."""
    old, new = (step.command or "").split("\n"), command.split("\n")
    if len(old) != len(new) or len(old) != step.end_line - step.line + 1:
        return False
    for offset, (before, after) in enumerate(zip(old, new, strict=True)):
        raw = lines[step.line - 1 + offset]
        if raw.count(before) != 1:
            return False
        lines[step.line - 1 + offset] = raw.replace(before, after)
    return True


def mutated_runbook(runbook: Runbook, mutant: Mutant, source: str) -> Runbook | None:
    """The runbook with the mistake in it; None where the parser would read more into it than that."""
    text = mutated_text(runbook, mutant, source)
    if text is None:
        return None
    made = parse_text(text, path=runbook.path, sha256=hashlib.sha256(text.encode()).hexdigest())
    wanted = [(step.line, mutant.edits.get(step.line, step.command)) for step in runbook.steps]
    if [(step.line, step.command) for step in made.steps] != wanted:
        return None
    # What a reader calls a step without a comment is its command: a mistake does not rename the step.
    texts = {step.line: step.text for step in runbook.steps}
    return replace(made, steps=tuple(replace(step, text=texts[step.line]) for step in made.steps))


def mutated(plan: Plan, mutant: Mutant) -> Plan:
    """The plan with the mistake in its runbook, or in what it binds to a step of prose.

    Raises:
        InputError: the runbook can't be read.
    """
    if not mutant.edits:
        return plan
    if mutant.bound:
        return replace(plan, bindings=tuple(_rebound(plan.bindings, mutant)))
    source, _ = read_source(Path(plan.runbook.path))
    runbook = mutated_runbook(plan.runbook, mutant, source)
    return replace(plan, runbook=runbook or plan.runbook)


def _rebound(bindings: Sequence[Binding], mutant: Mutant) -> Iterator[Binding]:
    """The bindings with the mutant's commands; where two change places, the answers expected go along."""
    expected = {b.step_line: b.expect for b in bindings if b.step_line in mutant.edits}
    if len(expected) > 1:
        expected = dict(zip(expected, reversed(expected.values()), strict=True))
    for binding in bindings:
        line = binding.step_line
        if line in mutant.edits and binding.run:
            yield replace(binding, run=mutant.edits[line], expect=expected[line])
        else:
            yield binding


# --------------------------------------------------------------------------- what matters


def why_immaterial(mutant: Mutant, whole: DrillResult) -> str:
    """Why the verdict on the `whole` section can't hang on what the mutant changes; empty where it can."""
    if whole.verdict is not Verdict.RESOLVED:
        return f"the drill is {whole.verdict} as it is: there is no cure to lose"
    ran = {step.line: step for step in carried_out(whole)}
    steps = [ran[line] for line in mutant.lines if line in ran]
    if len(steps) < len(mutant.lines):
        never = set(mutant.lines) & set(unreached(whole))
        return "it was never reached, since the SLIs held before" if never else "it was not carried out"
    return _why_idle(mutant, steps)


def _why_idle(mutant: Mutant, steps: Sequence[StepResult]) -> str:
    """Why nothing hangs on the mutant, going by what its `steps` did."""
    if mutant.operator == SILENT:
        return "" if steps[0].answered else _why_unheard(steps[0])
    if mutant.operator == SWAP and not all(step.state_changing for step in steps):
        return "one of the two only reads, so their order changes nothing"
    if not any(step.state_changing for step in steps):
        return "it only reads"
    if not any(helped(step) for step in steps):
        return "it changed nothing that the SLIs show"
    return ""


def _why_unheard(step: StepResult) -> str:
    if step.broken or step.exit_code != 0:
        return "it failed already, and the drill was resolved all the same"
    return "a verdict rests on probes and not on what a command says, and the plan expects no answer of it"
