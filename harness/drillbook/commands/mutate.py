"""`drillbook mutate`: the whole sections, then each mutant that matters, then what seems to be backed up."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from drillbook.alterations.ablation import unreached
from drillbook.alterations.kills import (
    Fate,
    Outcome,
    accepted,
    backed_up,
    deadline_s,
    judge,
    outdated,
    with_backup,
)
from drillbook.alterations.mutants import Mutant, mutants, mutated, why_immaterial
from drillbook.alterations.operators import NAMES, SILENT
from drillbook.alterations.pages import Mutation, write_mutation
from drillbook.commands.altered import Series, seconds_since
from drillbook.commands.run import Flags, Prepared, choose, prepare, write_results
from drillbook.commands.tables import show_mutants, show_mutation
from drillbook.errors import InputError
from drillbook.model import ExitCode, Json, Verdict, to_json
from drillbook.plan import Plan, PlannedDrill
from drillbook.result import SCHEMA, DrillResult, dumps
from drillbook.schedule import Alteration, Slot, repeat_command
from drillbook.suggest import suggestion
from drillbook.verdict import BAD_FOR_THE_RUNBOOK, FAILED_ITSELF, exit_code

MUTANTS, ALONE = "mutants", "backed-up"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked of the mutants, beside what is asked of every run.

    `only` are operators, or mutants by name or id; `everything` asks for those that do not matter as well,
    `most` for no more than so many, `list_only` for none to be drilled.
    """

    only: tuple[str, ...] = ()
    everything: bool = False
    most: int | None = None
    list_only: bool = False


@dataclass(frozen=True, slots=True)
class _Case:
    """A mutant, the drill of the whole section, and why the verdict can't hang on the mutant, if it can't."""

    slot: Slot
    whole: DrillResult
    mutant: Mutant
    immaterial: str


def mutate_command(flags: Flags, wishes: Wishes) -> int:
    """Drill the mutants that `flags` and `wishes` ask for, or list them; an exit code.

    Raises:
        DrillbookError: bad input, or nothing could be run.
    """
    began = seconds_since(0.0)
    found = _mutants(choose(flags, quiet=True), flags, wishes)
    if wishes.list_only:
        return _list([mutant for some in found.values() for mutant in some], flags.json_file)
    prepared = prepare(flags)
    prepared = replace(prepared, slots=[slot for slot in prepared.slots if found.get(_key(slot))])
    series = Series(prepared.options, flags.jobs, prepared.sandboxed)
    wholes = series.carry_out("The whole sections", prepared.slots, prepared.out)
    cases = [
        _Case(slot, wholes[slot.run_dir], mutant, why_immaterial(mutant, wholes[slot.run_dir]))
        for slot in prepared.slots
        if slot.run_dir in wholes
        for mutant in found[_key(slot)]
    ]
    outcomes, drilled = _drill(cases, prepared, series, wishes)
    stale = tuple(
        outcome.mutant.id
        for case, outcome in zip(cases, outcomes, strict=True)
        if flags.runbook is None and outdated(outcome, case.slot.drill.survivors)
    )
    mutation = Mutation(
        tuple(wholes.values()),
        tuple(outcomes),
        round(seconds_since(began), 1),
        series.interrupted_by,
        stale,
    )
    document = write_mutation(prepared.out, mutation)
    write_results(flags, list(wholes.values()), {"mutants": document})
    show_mutation(mutation, prepared.out, quiet=str(flags.json_file) == "-")
    if series.interrupted_by:
        click.echo(f"drillbook: interrupted by {series.interrupted_by}", err=True)
    return _exit_code(mutation, drilled)


def _mutants(
    chosen: Sequence[tuple[Plan, Sequence[PlannedDrill]]], flags: Flags, wishes: Wishes
) -> dict[tuple[Path, str], list[Mutant]]:
    """The mutants that are asked for, by plan and drill."""
    found: dict[tuple[Path, str], list[Mutant]] = {}
    for plan, drills in chosen:
        for drill in drills:
            every = mutants(plan, drill)
            if flags.runbook is None:
                _check_survivors(plan, drill, every)
            found[plan.path, drill.name] = every
    known = [mutant for some in found.values() for mutant in some]
    for word in wishes.only:
        if not any(_is_meant(mutant, word) for mutant in known):
            hint = suggestion(word, [*NAMES, *(mutant.name for mutant in known)])
            raise InputError(f"there is no operator and no mutant {word!r} here", hint=hint)
    return {
        key: [m for m in some if not wishes.only or any(_is_meant(m, word) for word in wishes.only)]
        for key, some in found.items()
    }


def _key(slot: Slot) -> tuple[Path, str]:
    return slot.plan.path, slot.name


def _is_meant(mutant: Mutant, word: str) -> bool:
    return word in (mutant.operator, mutant.name, mutant.id)


def _check_survivors(plan: Plan, drill: PlannedDrill, every: Sequence[Mutant]) -> None:
    names = [mutant.name for mutant in every]
    for name in drill.survivors:
        if name not in names:
            raise InputError(
                f"{drill.name} has no mutant {name!r}",
                path=plan.path,
                line=drill.line,
                hint=suggestion(name, names) or "see `drillbook mutate --list`",
            )


def _list(found: list[Mutant], json_file: Path | None) -> int:
    if json_file is None:
        show_mutants(found)
        return ExitCode.OK
    rows: list[Json] = [{"id": mutant.id, "text": mutant.text, **_fields(mutant)} for mutant in found]
    text = dumps({"schema": SCHEMA, "mutants": rows})
    if str(json_file) == "-":
        sys.stdout.write(text)
        return ExitCode.OK
    try:
        json_file.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", path=json_file) from error
    return ExitCode.OK


def _fields(mutant: Mutant) -> Mapping[str, Json]:
    fields = to_json(mutant)
    return fields if isinstance(fields, dict) else {}


# --------------------------------------------------------------------------- drilling


def _drill(
    cases: Sequence[_Case], prepared: Prepared, series: Series, wishes: Wishes
) -> tuple[list[Outcome], list[DrillResult]]:
    """What became of each of `cases`, in their order, and the results of their drills."""
    wanted = _wanted(cases, wishes)
    slots = {id(case): _slot(case, prepared) for case in wanted}
    results = series.carry_out("Mutants", list(slots.values()), prepared.out / MUTANTS)
    drilled = {key: results.get(slot.run_dir) for key, slot in slots.items()}
    outcomes = [
        judge(case.mutant, case.whole, drilled.get(id(case)), immaterial=case.immaterial) for case in cases
    ]
    alone = _drill_alone(cases, outcomes, drilled, prepared, series)
    final = []
    for case, outcome in zip(cases, outcomes, strict=True):
        again = alone.get(id(case))
        seen = with_backup(outcome, judge(case.mutant, case.whole, again)) if again is not None else outcome
        reasons = case.slot.drill.survivors if prepared.options.runbook is None else {}
        final.append(accepted(seen, reasons))
    return final, [*results.values(), *alone.values()]


def _wanted(cases: Sequence[_Case], wishes: Wishes) -> list[_Case]:
    """The cases to drill: all that matter, or all, and where that is too many, of each drill the first."""
    wanted = [
        case
        for case in cases
        if not case.immaterial or (wishes.everything and case.whole.verdict is Verdict.RESOLVED)
    ]
    if wishes.most is None:
        return wanted
    rank: dict[str, int] = {}
    ranked = []
    for case in wanted:
        rank[case.mutant.drill] = rank.get(case.mutant.drill, 0) + 1
        ranked.append((rank[case.mutant.drill], case))
    chosen = {id(case) for _, case in sorted(ranked, key=lambda pair: pair[0])[: wishes.most]}
    return [case for case in wanted if id(case) in chosen]


def _drill_alone(
    cases: Sequence[_Case],
    outcomes: Sequence[Outcome],
    drilled: Mapping[int, DrillResult | None],
    prepared: Prepared,
    series: Series,
) -> dict[int, DrillResult]:
    """Drill the survivors that another step seems to have saved once more, without that step."""
    slots: dict[int, Slot] = {}
    for case, outcome in zip(cases, outcomes, strict=True):
        result = drilled.get(id(case))
        spare = backed_up(outcome, case.whole, result) if result is not None else frozenset()
        if spare:
            slots[id(case)] = _slot(case, prepared, without=spare)
    results = series.carry_out(
        "Survivors, without what may have saved them", list(slots.values()), prepared.out / ALONE
    )
    return {key: results[slot.run_dir] for key, slot in slots.items() if slot.run_dir in results}


def _slot(case: _Case, prepared: Prepared, *, without: frozenset[int] = frozenset()) -> Slot:
    slot, mutant = case.slot, case.mutant
    folder = prepared.out / (ALONE if without else MUTANTS)
    lines = ", ".join(str(line) for line in sorted(without))
    beside = f"; left out as well: {lines}" if without else ""
    words = shlex.split(repeat_command(slot, prepared.options))
    return replace(
        slot,
        plan=mutated(slot.plan, mutant),
        run_dir=folder / f"{slot.run_dir.name}--{mutant.name}",
        alteration=Alteration(
            f"{mutant.text}{beside}",
            mutant.left_out | without,
            _awaited(case),
            deadline_s(case.whole, prepared.options.deadline_s or slot.plan.timing.deadline_s),
            (words[0], "mutate", *words[2:], "--only", mutant.name),
        ),
    )


def _awaited(case: _Case) -> frozenset[Verdict]:
    """The verdicts that are no surprise: a mutant that matters is to be killed, or else to be backed up."""
    if case.immaterial or unreached(case.whole):
        return BAD_FOR_THE_RUNBOOK | {Verdict.RESOLVED}
    return frozenset({Verdict.RESOLVED}) if case.mutant.operator == SILENT else BAD_FOR_THE_RUNBOOK


def _exit_code(mutation: Mutation, drilled: Sequence[DrillResult]) -> ExitCode:
    codes = {exit_code(mutation.wholes)} if mutation.wholes else set()
    failed = [result for result in drilled if result.verdict in FAILED_ITSELF]
    if failed:
        codes.add(exit_code(failed))
    if mutation.interrupted_by:
        codes.add(ExitCode.INTERRUPTED)
    if mutation.outdated or any(outcome.unexplained for outcome in mutation.outcomes):
        codes.add(ExitCode.FAILED)
    if not any(outcome.fate is Fate.KILLED for outcome in mutation.outcomes):
        codes.add(ExitCode.INCONCLUSIVE)
    order = (ExitCode.INTERRUPTED, ExitCode.HARNESS, ExitCode.FAILED, ExitCode.INCONCLUSIVE)
    return next((code for code in order if code in codes), ExitCode.OK)
