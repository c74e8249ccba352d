"""`drillbook run --ablate`: the whole sections, then each step left out, then the smallest sets that cure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from drillbook.alterations.ablation import (
    AblatedDrill,
    Reduction,
    awaited,
    carried_out,
    judge,
    unreached,
    why_not,
)
from drillbook.alterations.pages import Ablation, write_ablation
from drillbook.commands.altered import Series, seconds_since
from drillbook.commands.run import Flags, Prepared, prepare, record, within, write_results
from drillbook.commands.tables import show_ablation
from drillbook.errors import InputError
from drillbook.model import ExitCode, Verdict
from drillbook.result import DrillResult, StepResult
from drillbook.schedule import Alteration, Options, Slot, planned_steps, repeat_command
from drillbook.verdict import FAILED_ITSELF, exit_code

LEFT_OUT, SMALLEST = "left-out", "smallest"


def ablate_command(flags: Flags) -> int:
    """Run what `flags` ask for, and drill what each step is needed for; an exit code.

    Raises:
        DrillbookError: bad input, or nothing could be run.
    """
    for given, flag in ((flags.responder != "runbook", "--responder"), (flags.repeat > 1, "--repeat")):
        if given:
            raise InputError(f"--ablate can't be had with {flag}", hint=f"leave {flag} out")
    began = seconds_since(0.0)
    prepared = prepare(flags)
    series = Series(prepared.options, flags.jobs, prepared.sandboxed)
    wholes = series.carry_out("The whole sections", prepared.slots, prepared.out)
    judged, altered = _leave_out(prepared, wholes, series)
    drills, trials = _reduce(prepared, judged, series)
    ablation = Ablation(tuple(drills), round(seconds_since(began), 1), series.interrupted_by)
    document = write_ablation(prepared.out, ablation)
    results = list(wholes.values())
    write_results(flags, results, {"ablation": document})
    show_ablation(ablation, prepared.out, quiet=str(flags.json_file) == "-")
    if not flags.no_history:
        record(results, prepared.out)
    if series.interrupted_by:
        click.echo(f"drillbook: interrupted by {series.interrupted_by}", err=True)
        return ExitCode.INTERRUPTED
    mute = [one for one in [*altered, *trials] if one.verdict in FAILED_ITSELF]
    return within(flags.max_ttr, results, exit_code([*results, *mute]))


def _leave_out(
    prepared: Prepared, wholes: Mapping[Path, DrillResult], series: Series
) -> tuple[list[tuple[Slot, AblatedDrill]], list[DrillResult]]:
    """Drill each section without each of its steps that were carried out, in turn."""
    trials: dict[Path, tuple[Slot, StepResult]] = {}
    for slot in prepared.slots:
        whole = wholes.get(slot.run_dir)
        for step in carried_out(whole) if whole is not None and not why_not(whole) else ():
            folder = prepared.out / LEFT_OUT / f"{slot.run_dir.name}--line-{step.line}"
            alteration = Alteration(
                f"line {step.line} is left out",
                frozenset({step.line}),
                awaited(wholes[slot.run_dir], step),
                repeat=_repeat(slot, prepared.options),
            )
            trials[folder] = replace(slot, run_dir=folder, alteration=alteration), step
    results = series.carry_out(
        "Each step left out", [slot for slot, _ in trials.values()], prepared.out / LEFT_OUT
    )
    judged: list[tuple[Slot, AblatedDrill]] = []
    for slot in prepared.slots:
        whole = wholes.get(slot.run_dir)
        if whole is None:
            continue
        steps = [
            judge(whole, step, results.get(folder))
            for folder, (trial, step) in trials.items()
            if trial.drill is slot.drill and trial.plan is slot.plan
        ]
        judged.append((slot, AblatedDrill(whole, why_not(whole), tuple(steps), tuple(unreached(whole)))))
    return judged, list(results.values())


def _reduce(
    prepared: Prepared, judged: list[tuple[Slot, AblatedDrill]], series: Series
) -> tuple[list[AblatedDrill], list[DrillResult]]:
    """Find the smallest set of each drill that is RESOLVED, a trial of each at a time."""
    searches = {
        slot.run_dir: (slot, Reduction(drill.whole, drill.steps))
        for slot, drill in judged
        if drill.whole.verdict is Verdict.RESOLVED and not drill.why_not
    }
    seen: list[DrillResult] = []
    number = 0
    while open_searches := [pair for pair in searches.values() if pair[1].trial is not None]:
        number += 1
        folder = prepared.out / f"{SMALLEST}-{number}"
        trials = [(_trial(slot, search, folder, prepared.options), search) for slot, search in open_searches]
        results = series.carry_out("Only the steps that cure", [slot for slot, _ in trials], folder)
        for slot, search in trials:
            search.told(results.get(slot.run_dir))
        seen += results.values()
    return [_with_smallest(slot, drill, searches) for slot, drill in judged], seen


def _with_smallest(
    slot: Slot, drill: AblatedDrill, searches: Mapping[Path, tuple[Slot, Reduction]]
) -> AblatedDrill:
    found = searches.get(slot.run_dir)
    return replace(drill, smallest=found[1].found()) if found is not None else drill


def _trial(slot: Slot, search: Reduction, folder: Path, options: Options) -> Slot:
    kept = search.trial or ()
    others = {planned.step.line for planned in planned_steps(slot.plan, slot.drill)} - set(kept)
    shown = ", ".join(str(line) for line in kept)
    return replace(
        slot,
        run_dir=folder / slot.run_dir.name,
        alteration=Alteration(
            f"only line {shown} is kept" if len(kept) == 1 else f"only lines {shown} are kept",
            frozenset(others),
            frozenset({Verdict.RESOLVED}),
            repeat=_repeat(slot, options),
        ),
    )


def _repeat(slot: Slot, options: Options) -> tuple[str, ...]:
    return (*shlex.split(repeat_command(slot, options)), "--ablate")
