"""`drillbook run`: from flags to a run, and from its results to an exit code."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from drillbook import ci, library
from drillbook.commands.terminal import Terminal
from drillbook.docker import engine
from drillbook.errors import InputError, SandboxError
from drillbook.history import History, place
from drillbook.model import ExitCode, Json
from drillbook.places import cores
from drillbook.plan import Plan, PlannedDrill, load_plan, select
from drillbook.repeats import grouped, over
from drillbook.result import DrillResult, document, dumps
from drillbook.run import Run, make_out, write_whole
from drillbook.schedule import Options, Slot, apart, slots
from drillbook.spec import COMMAND
from drillbook.stack.sandbox import reason_against
from drillbook.verdict import exit_code

PACKAGED_PLAN = "incident-response.yaml"


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of `drillbook run`, as they were given."""

    what: tuple[str, ...]
    runbook: Path | None
    responder: str
    backend: str
    all_variants: bool
    no_control: bool
    strict: bool
    repeat: int
    jobs: int | None
    seed: int
    deadline: float | None
    out: Path | None
    json_file: Path | None
    junit_file: Path | None
    no_sandbox: bool
    gitlab_file: Path | None = None
    annotations: str = "auto"
    no_history: bool = False
    max_ttr: float | None = None
    ablate: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that can begin: its drills, how they are run, where their results go."""

    slots: list[Slot]
    options: Options
    out: Path
    sandboxed: bool


def run_command(flags: Flags) -> int:
    """Run what `flags` ask for; an exit code.

    Raises:
        DrillbookError: bad input, or nothing could be run.
    """
    if flags.ablate:
        from drillbook.commands.ablate import ablate_command  # noqa: PLC0415  only where asked for

        return ablate_command(flags)
    prepared = prepare(flags)
    out = prepared.out
    with Terminal(total=len(prepared.slots)) as terminal:
        run = Run(
            prepared.slots,
            prepared.options,
            out,
            terminal,
            jobs=flags.jobs or cores(),
            sandboxed=prepared.sandboxed,
        )
        results = run.carry_out()
    write_results(flags, results)
    terminal.conclude(results, out)
    if not flags.no_history:
        record(results, out)
    annotate(flags, results, out)
    if run.interrupted_by:
        click.echo(f"drillbook: interrupted by {run.interrupted_by}", err=True)
        return ExitCode.INTERRUPTED
    return within(flags.max_ttr, results, exit_code(results))


def prepare(flags: Flags) -> Prepared:
    """Check everything that `flags` ask for, and make the output directory.

    Raises:
        DrillbookError: bad input, or nothing can be run.
    """
    check_responder(flags.responder)
    chosen = choose(flags)
    sandboxed = decide_sandbox(
        [plan for plan, _ in chosen],
        foreign=flags.runbook is not None or flags.responder.startswith(COMMAND),
        backend=flags.backend,
        no_sandbox=flags.no_sandbox,
        warn=warn,
    )
    out = flags.out or Path("drillbook-results") / datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")[:-3]
    for file in (flags.json_file, flags.junit_file, flags.gitlab_file):
        check_file(file)
    make_out(out)
    options = Options(
        responder=flags.responder,
        backend=flags.backend,
        control=not flags.no_control,
        strict=flags.strict,
        seed=flags.seed,
        deadline_s=flags.deadline,
        runbook=flags.runbook,
    )
    planned = apart(slot for plan, drills in chosen for slot in slots(plan, drills, flags.repeat, out))
    return Prepared(planned, options, out, sandboxed)


def record(results: list[DrillResult], out: Path) -> None:
    """Put what was not interrupted into the history. That it can't be is worth a warning, and no more."""
    whole = [result for result in results if not result.interrupted]
    if not whole:
        return
    try:
        History(place()).record(whole, command=command_line(), out=out)
    except InputError as error:
        warn(f"not in the history: {error.render()}")


def within(most_s: float | None, results: list[DrillResult], code: ExitCode) -> ExitCode:
    """The exit code, given that no variant's median TTR may be above `most_s` seconds."""
    if most_s is None:
        return code
    slow = over(grouped(results, least=1), most_s)
    if slow:
        click.echo(f"drillbook: TTR over {most_s:g} s: {', '.join(slow)}", err=True)
    return ExitCode.FAILED if slow and code in (ExitCode.OK, ExitCode.INCONCLUSIVE) else code


def check_responder(responder: str) -> None:
    """Check that `responder` names one.

    Raises:
        InputError: it does not.
    """
    if responder in ("runbook", "none", "reference"):
        return
    if not responder.startswith(COMMAND) or not responder.removeprefix(COMMAND).strip():
        raise InputError(
            f"there is no responder {responder!r}", hint="use runbook, none, reference, or command:CMD"
        )


def choose(flags: Flags, *, quiet: bool = False) -> list[tuple[Plan, tuple[PlannedDrill, ...]]]:
    """The plans that `flags` name, or the packaged one, each with the drills that they select.

    What of a plan does not fit is told, unless it is to be `quiet`.

    Raises:
        InputError: a plan, runbook, scenario or variant can't be used.
    """
    paths = [Path(word) for word in flags.what if is_plan(word)]
    names = [word for word in flags.what if not is_plan(word)]
    plans = [
        load_plan(path, runbook=flags.runbook) for path in paths or [library.drills_dir() / PACKAGED_PLAN]
    ]
    chosen = [(plan, tuple(select(plan, names, all_variants=flags.all_variants))) for plan in plans]
    for plan in plans:
        if plan.stack is not None and flags.backend == "local":
            plan.stack.settled()  # before anything boots
        left_out = [*plan.left_out.values()]
        if plan.stack is not None and flags.backend == "docker":
            left_out += plan.stack.left_out()
        for error in left_out if not quiet else ():
            warn(f"left out: {error.render()}")
    return chosen


def is_plan(word: str) -> bool:
    """Whether `word` on the command line names a plan, and not a scenario."""
    return word.endswith((".yaml", ".yml")) or Path(word).is_file()


def warn(text: str) -> None:
    """Say on standard error what the user should know."""
    click.echo(f"drillbook: warning: {text}", err=True)


def decide_sandbox(
    plans: Sequence[Plan],
    *,
    foreign: bool,
    no_sandbox: bool,
    warn: Callable[[str], None],
    backend: str = "local",
    flag: str = "--no-sandbox",
) -> bool:
    """Whether drills run in a sandbox.

    Without one, the packaged plan runs all the same, since its commands are known; any other runbook's
    are arbitrary shell, and run only where that was asked for.

    Args:
        plans: the plans that are drilled.
        foreign: whether commands come from elsewhere than them: another runbook, or a program that responds.
        no_sandbox: whether that was asked for.
        warn: is told what the user should know.
        backend: where the stack runs.
        flag: by which they are asked to run unconfined.

    Raises:
        SandboxError: there can be none, and the commands are not known.
    """
    if backend == "docker":
        engine.require_near()
        return False  # its commands run in a container
    if no_sandbox:
        warn(f"no sandbox ({flag}): commands run unconfined")
        return False
    reason = reason_against()
    if reason is None:
        return True
    known = all(plan.path.resolve().parent == library.drills_dir().resolve() for plan in plans)
    if known and not foreign:
        warn(f"no sandbox can be had here ({reason}): the packaged plan runs outside one")
        return False
    raise SandboxError(
        f"no sandbox can be had here ({reason}), and this runbook's commands are arbitrary shell",
        hint=f"see `drillbook doctor` for how to get one, or run them unconfined with {flag}",
    )


def check_file(file: Path | None) -> None:
    """Check that `file` can be written, before anything boots.

    Raises:
        InputError: it can't.
    """
    if file is None or str(file) == "-":
        return
    try:
        write_whole(file.with_name(f".{file.name}.check"), "")
        file.with_name(f".{file.name}.check").unlink()
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", path=file) from error
    if file.is_dir():
        raise InputError("is a directory", path=file, hint="name a file")


def write_results(flags: Flags, results: list[DrillResult], beside: Mapping[str, Json] | None = None) -> None:
    """Write the files that `flags` ask for; `beside` is what the JSON has beside the drills.

    Raises:
        InputError: one can't be written.
    """
    if flags.json_file is not None:
        text = dumps({**document(results), **(beside or {})})
        if str(flags.json_file) == "-":
            sys.stdout.write(text)
        else:
            _write(flags.json_file, text)
    if flags.junit_file is not None:
        from drillbook.junit import junit  # noqa: PLC0415  only where asked for

        _write(flags.junit_file, junit(results))
    if flags.gitlab_file is not None:
        _write(flags.gitlab_file, dumps(ci.gitlab_quality(results, ci.root())))


def annotate(flags: Flags, results: list[DrillResult], out: Path) -> None:
    """Show the results on the runbook's lines, where that is asked for, or the CI is GitHub's.

    Raises:
        InputError: the summary of GitHub's step can't be written.
    """
    if not ci.wanted(flags.annotations):
        return
    for line in ci.github(results, ci.root()):
        click.echo(line)
    try:
        ci.add_summary(out / "suite.md")
    except OSError as error:
        raise InputError(f"the summary can't be written: {error.strerror}", path=error.filename) from error


def _write(file: Path, text: str) -> None:
    try:
        write_whole(file, text)
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", path=file) from error


def command_line() -> str:
    """The command as it was typed."""
    return shlex.join(["drillbook", *sys.argv[1:]])
