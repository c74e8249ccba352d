"""The schedule: from a plan's drills to the specs that workers carry out."""

from __future__ import annotations

import functools
import hashlib
import platform
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import cast

from drillbook import __version__, library, tools
from drillbook.app import SHOP, OwnApp, unmet, why_not
from drillbook.bindings import Binding, fill
from drillbook.docker_host import DockerHost
from drillbook.events import DrillStarted
from drillbook.host import Host
from drillbook.model import Json, Machine, Revision, Section, Step, Verdict, to_json
from drillbook.places import cores
from drillbook.plan import Plan, PlannedDrill
from drillbook.protocols import PlannedStep
from drillbook.revision import revision
from drillbook.runbook.sections import severity_of, steps_of
from drillbook.spec import AT_THE_DESK, DeskSpec, DrillSpec
from drillbook.traffic.locust import VISITORS

# What any shell can be expected to have; the plan names what else an on-call shell needs.
BASE_TOOLS = (
    *("awk", "bash", "basename", "cat", "cut", "date", "dirname", "echo", "env", "false", "grep", "head"),
    *("jq", "ls", "mkdir", "printf", "ps", "pwd", "rm", "sed", "seq", "sh", "sleep", "sort", "tail", "tee"),
    *("test", "timeout", "tr", "true", "uniq", "watch", "wc", "xargs"),
)
REAL_TOOLS = ("psql", "redis-cli")
_GAPPED = ("runbook", "none")


@dataclass(frozen=True, slots=True)
class Options:
    """How drills are run, beside what the plan says; None leaves it to the plan. Times are in seconds.

    `resolve_s` is the objective. `terminal` and `grace_s` are for who acts at the desk; see `spec.DeskSpec`.
    """

    responder: str = "runbook"
    backend: str = "local"
    control: bool = True
    strict: bool = False
    seed: int = 0
    deadline_s: float | None = None
    runbook: Path | None = None
    clock_speed: int | None = None
    resolve_s: float | None = None
    terminal: bool = False
    grace_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Alteration:
    """How a drill's steps are made to differ from the runbook's, to see what comes of it.

    `text` says it in a sentence; what of the plan itself is altered, the slot's plan has already.
    `left_out` are the lines of the steps to be passed over, `awaited` the verdicts that are no surprise, and
    `repeat` the words of the command that does it again. None leaves the deadline, in seconds, as it is.
    """

    text: str
    left_out: frozenset[int] = frozenset()
    awaited: frozenset[Verdict] = frozenset()
    deadline_s: float | None = None
    repeat: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slot:
    """One drill of a run: which, the how-manieth repeat, where it goes, and what is altered in it."""

    plan: Plan
    drill: PlannedDrill
    repeat: int
    run_dir: Path
    alteration: Alteration | None = None

    @property
    def name(self) -> str:
        """Scenario and variant, as a user would type them."""
        return f"{self.drill.scenario.name}/{self.drill.variant.name}"

    @property
    def label(self) -> str:
        """The name, and what is altered."""
        return f"{self.name} ({self.alteration.text})" if self.alteration is not None else self.name

    def surprised(self, verdict: Verdict, *, expected: bool) -> bool:
        """Whether `verdict` is not what was to come; `expected` is whether the plan expects it."""
        return verdict not in self.alteration.awaited if self.alteration is not None else not expected


def slots(plan: Plan, drills: Sequence[PlannedDrill], repeats: int, out: Path) -> list[Slot]:
    """The drills of a run, in their order, each with a run directory of its own."""
    made = []
    for repeat in range(repeats):
        for drill in drills:
            suffix = f"--{repeat + 1}" if repeats > 1 else ""
            folder = out / f"{drill.scenario.name}--{drill.variant.name}{suffix}"
            made.append(Slot(plan, drill, repeat, folder))
    return made


def apart(made: Iterable[Slot]) -> list[Slot]:
    """The same slots, each in a directory of its own even where two plans drill the same variant."""
    taken: set[Path] = set()
    out = []
    for slot in made:
        base = slot.run_dir
        names = chain([base.name, f"{base.name}--{slot.plan.path.stem}"], _numbered(base, slot))
        folder = next(base.with_name(name) for name in names if base.with_name(name) not in taken)
        taken.add(folder)
        out.append(replace(slot, run_dir=folder))
    return out


def _numbered(base: Path, slot: Slot) -> Iterator[str]:
    return (f"{base.name}--{slot.plan.path.stem}-{number}" for number in count(2))


def spec(
    slot: Slot,
    options: Options,
    host: Host | DockerHost,
    *,
    control_watch_s: float | None = None,
    again_because: str = "",
) -> DrillSpec:
    """The spec of the drill in `slot`, or of its control, watched for `control_watch_s` seconds.

    `again_because` says why it is carried out once more, if it is.
    """
    plan, drill = slot.plan, slot.drill
    is_control = control_watch_s is not None
    # Absolute, for the worker runs in a folder of its own.
    run_dir = (slot.run_dir / "control" if is_control else slot.run_dir).resolve()
    traffic = plan.traffic
    own = own_app(plan, options)
    return DrillSpec(
        header=header(slot, options, host, control_watch_s=control_watch_s, again_because=again_because),
        journal=str(run_dir / "journal.jsonl"),
        logs=str(run_dir / "logs"),
        scratch=str(host.make_scratch()),
        template=str(host.template),
        programs=host.programs,
        responder="none" if is_control else options.responder,
        steps=planned_steps(plan, drill, _left_out(slot)),
        exports=drill.operator.exports,
        tools=shell_tools(plan),
        step_deadline_s=plan.timing.step_deadline_s,
        users=traffic.users,
        locustfile=str(locustfile(plan)),
        scenarios=str(plan.scenarios) if plan.scenarios is not None else None,
        own_app=own,
        ports=host.ports(),
        owner=host.owner,
        containers=host.container_spec(),
        desk=None if is_control else _desk(slot, options, run_dir),
    )


def _desk(slot: Slot, options: Options, run_dir: Path) -> DeskSpec | None:
    """What the desk needs, where somebody acts at it."""
    if options.responder not in AT_THE_DESK:
        return None
    return DeskSpec(
        folder=str(run_dir),
        runbook=Path(slot.plan.runbook.path).read_text("utf-8", "replace"),
        gap=slot.drill.known_gap or "",
        terminal=options.terminal,
        grace_s=options.grace_s,
    )


def header(
    slot: Slot,
    options: Options,
    host: Host | DockerHost,
    *,
    control_watch_s: float | None,
    again_because: str,
) -> DrillStarted:
    """The first entry of the drill's journal, or of its control's."""
    plan, drill, timing = slot.plan, slot.drill, slot.plan.timing
    is_control = control_watch_s is not None
    watch_s = control_watch_s if control_watch_s is not None else timing.settle_s
    return DrillStarted(
        drillbook=__version__,
        role="control" if is_control else "drill",
        scenario=drill.scenario.name,
        variant=drill.variant.name,
        title=drill.scenario.title,
        summary=drill.variant.summary,
        responder="none" if is_control else options.responder,
        backend=options.backend,
        sandbox=host.confines,
        seed=options.seed + slot.repeat,
        severity=severity(drill),
        sections=tuple(section.title for section in drill.sections),
        runbook=cast("Mapping[str, Json]", to_json(plan.runbook)),
        plan=str(plan.path),
        # A gap is the runbook's: who works without it, or with other steps, may well close it.
        known_gap=drill.known_gap if slot.alteration is None and options.responder in _GAPPED else None,
        objectives=plan.objectives
        if options.resolve_s is None
        else replace(plan.objectives, resolve_s=options.resolve_s),
        deadline_s=_deadline_s(slot, options),
        settle_s=timing.settle_s,
        hold_s=timing.hold_s,
        probe_interval_s=timing.probe_interval_s,
        strict=options.strict,
        surface=plan.platform.surface,
        operator_role=drill.operator.role,
        repeat=repeat_command(slot, options),
        versions={"drillbook": __version__, **host.versions},
        symptoms=drill.scenario.symptoms,
        reference_cure=drill.variant.cure,
        watch_s=watch_s,
        control=options.control and options.responder != "none",
        again_because=again_because,
        clock_speed=options.clock_speed or timing.clock_speed,
        machine=Machine(cores(), platform.machine()),
        revision=_revision(Path(plan.runbook.path)),
        plan_sha256=_sha256(plan.path),
        manual={str(binding.step_line): binding.manual for binding in plan.bindings if binding.manual},
        bound=tuple(sorted(binding.step_line for binding in plan.bindings if not binding.manual)),
        altered=slot.alteration.text if slot.alteration is not None else "",
    )


@functools.cache
def _revision(runbook: Path) -> Revision | None:
    """The runbook's revision as the run began: asked once, since a run is of one."""
    return revision(runbook)


@functools.cache
def _sha256(plan: Path) -> str:
    return hashlib.sha256(plan.read_bytes()).hexdigest()


def _left_out(slot: Slot) -> frozenset[int]:
    return slot.alteration.left_out if slot.alteration is not None else frozenset()


def _deadline_s(slot: Slot, options: Options) -> float:
    given = slot.alteration.deadline_s if slot.alteration is not None else None
    return given or options.deadline_s or slot.plan.timing.deadline_s


def locustfile(plan: Plan) -> Path:
    """What the customers do: as the plan says, or else as the library has it for the app."""
    if plan.traffic.locustfile is not None:
        return plan.traffic.locustfile.resolve()  # the worker has another current directory
    if plan.stack is not None:
        return VISITORS
    return library.scenarios_dir() / "app" / "customers.py"


def own_app(plan: Plan, options: Options) -> OwnApp | None:
    """The team's own app as the backend is to start it; None where it is the shop.

    Raises:
        InputError: one of its programs is not there, or its compose file can't be used.
    """
    if plan.stack is None:
        return None
    if options.backend == "docker":
        return replace(plan.stack.in_containers() or plan.stack.app, paths=plan.traffic.paths)
    return replace(plan.stack.settled(), paths=plan.traffic.paths)


def lacking(slot: Slot) -> tuple[str, ...]:
    """What the drill needs, and the plan's stack does not have."""
    app = slot.plan.stack.app.app if slot.plan.stack is not None else SHOP
    return unmet(slot.drill.needs, app)


def passed_over(slot: Slot, options: Options) -> str | None:
    """Why the drill can't be carried out on the stack that is asked for, or None if it can."""
    stack = slot.plan.stack
    if options.backend == "docker" and stack is not None and stack.contained is None:
        return "The plan names no image of the app, and no container has this machine's commands"
    if options.backend == "local" and stack is not None and not stack.has_command:
        return (
            "The plan has the app from a compose file, for --backend docker, and no command of this machine's"
        )
    lacks = lacking(slot)
    return why_not(lacks) if lacks else None


def severity(drill: PlannedDrill) -> str:
    """The severity that the runbook's section names, or else the scenario's."""
    named = (severity_of(title) for section in drill.sections for title in reversed(section.path))
    return next((level for level in named if level), drill.scenario.severity)


def repeat_command(slot: Slot, options: Options) -> str:
    """The command that runs the same drill again."""
    if slot.alteration is not None and slot.alteration.repeat:
        return shlex.join(slot.alteration.repeat)
    words = ["drillbook", "run"]
    if slot.plan.path.resolve().parent != library.drills_dir().resolve():
        words.append(str(slot.plan.path))
    words.append(slot.name)
    if options.runbook is not None:
        words += ["--runbook", str(options.runbook)]
    if options.responder != "runbook":
        words += ["--responder", options.responder]
    if options.backend != "local":
        words += ["--backend", options.backend]
    if options.strict:
        words.append("--strict")
    return shlex.join([*words, "--seed", str(options.seed + slot.repeat)])


def planned_steps(
    plan: Plan, drill: PlannedDrill, left_out: frozenset[int] = frozenset()
) -> tuple[PlannedStep, ...]:
    """The steps of the drill's sections as they would be carried out, in order, each once.

    The steps of a section that a step leads to come right after it. Those on the lines `left_out` are marked.
    """
    planned: dict[Step, PlannedStep] = {}
    for section in drill.sections:
        _plan_section(section, plan, planned)
    return tuple(
        replace(each, left_out=True) if each.step.line in left_out else each for each in planned.values()
    )


def _plan_section(section: Section, plan: Plan, planned: dict[Step, PlannedStep]) -> None:
    for step in steps_of(plan.runbook, section):
        if step in planned:
            continue
        binding = next((b for b in plan.bindings if b.step_line == step.line), None)
        planned[step] = plan_step(step, binding, plan)
        if binding is not None and binding.follow is not None:
            _plan_section(binding.follow, plan, planned)


def plan_step(step: Step, binding: Binding | None, plan: Plan) -> PlannedStep:
    """`step` with its binding, or with its placeholders filled."""
    if binding is not None:
        leads_to = binding.follow.title if binding.follow is not None else ""
        return PlannedStep(
            step,
            binding.run,
            bound=bool(binding.run),
            expect=binding.expect,
            leads_to=leads_to,
            manual=binding.manual,
        )
    command, unfilled = fill(step, plan.placeholders)
    return PlannedStep(step, command, unfilled=unfilled)


def shell_tools(plan: Plan) -> dict[str, str]:
    """The programs on the on-call shell's PATH, by name; the platform adds its own CLI."""
    found = {name: str(tools.find(name).path) for name in REAL_TOOLS}
    for name in (*BASE_TOOLS, *plan.tools):
        if not re.fullmatch(r"[\w.+-]+", name) or name in found:
            continue
        path = tools.on_path(name)
        if path is not None:
            found[name] = str(path)
    return found
