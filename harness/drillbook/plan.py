"""The plan: which runbook is drilled, in which scenarios and variants, and what is asked of it.

It reads and checks a plan to the last key, against the runbook and the scenarios, and runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drillbook import registry
from drillbook.bindings import Binding, PlaceholderRule, find_section, read_bindings, read_placeholders
from drillbook.docker import images as container_images
from drillbook.errors import InputError
from drillbook.model import Objectives, Runbook, Section
from drillbook.ownstack import OwnStack, read_path, read_stack
from drillbook.platforms.railway_surface import DOCUMENTED, SURFACES
from drillbook.protocols import Scenario, Variant
from drillbook.suggest import suggestion
from drillbook.yamlfile import Item, read

PLATFORMS = ("railway",)
ROLES = ("superuser", "app", "reporting")
EXPORTS = ("DATABASE_URL", "REDIS_URL", "APP_URL")
CLOCKS = ("jump", "wait")
_MOST_USERS = 1000
_FASTEST_CLOCK = 86400
_KEYS = (
    *("runbook", "platform", "operator", "objectives", "bindings", "placeholders"),
    *("tools", "clock", "timing", "traffic", "scenarios", "stack", "images", "drills"),
    "allow_external",
)


@dataclass(frozen=True, slots=True)
class PlatformChoice:
    """What the runbook's CLI talks to; `surface` is `documented` or a version of the real CLI's."""

    name: str = "railway"
    surface: str = DOCUMENTED


@dataclass(frozen=True, slots=True)
class Operator:
    """The on-call engineer: their role on the database, and the variables that their shell has."""

    role: str = "superuser"
    exports: tuple[str, ...] = ("DATABASE_URL", "REDIS_URL")


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of a drill, in seconds.

    `hold_s` is how long all must be well before it counts as mitigated; `settle_s` how long a cure may take
    to show once the responder has nothing left to do; `step_deadline_s` is for one command, `deadline_s`
    for the responder as a whole. `clock_speed` is how many seconds of the runbook's own times (response
    times, intervals of status updates) pass in one second of the drill.
    """

    probe_interval_s: float = 0.04
    hold_s: float = 1.0
    settle_s: float = 2.0
    step_deadline_s: float = 10.0
    deadline_s: float = 60.0
    clock_speed: int = 1


@dataclass(frozen=True, slots=True)
class TrafficChoice:
    """How many customers there are, and whose behaviour they have; None stands for the library's.

    `paths` is what the customers of a team's own app visit, where it has no locustfile.
    """

    users: int = 6
    locustfile: Path | None = None
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedDrill:
    """One variant to be drilled; `known_gap` is why it is expected to fail, `line` its line in the plan.

    `survivors` holds why a mutant of it may survive, by the mutant's name.
    """

    scenario: Scenario
    variant: Variant
    sections: tuple[Section, ...]
    known_gap: str | None
    operator: Operator
    line: int
    survivors: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Scenario and variant, as a user types them."""
        return f"{self.scenario.name}/{self.variant.name}"

    @property
    def needs(self) -> tuple[str, ...]:
        """What it needs of a stack, in words of `app.NEEDS`."""
        return tuple(dict.fromkeys((*self.scenario.needs, *self.variant.needs)))


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan, checked.

    `scenarios` is the folder of the team's own scenarios, and `stack` its own app, if there are any;
    `images` names the docker backend's, see `docker.images.choose`. `allow_external` says that what drillbook
    did not start may be broken, see `external`.
    `left_out` is what does not fit a runbook that was put in the place of the plan's own, as the errors that
    it would have been: by scenario for those of which the runbook has no section, else by the line.
    """

    path: Path
    runbook: Runbook
    drills: tuple[PlannedDrill, ...]
    platform: PlatformChoice = field(default_factory=PlatformChoice)
    operator: Operator = field(default_factory=Operator)
    objectives: Objectives = field(default_factory=Objectives)
    bindings: tuple[Binding, ...] = ()
    placeholders: Mapping[str, PlaceholderRule] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    clock: str = "jump"
    timing: Timing = field(default_factory=Timing)
    traffic: TrafficChoice = field(default_factory=TrafficChoice)
    scenarios: Path | None = None
    stack: OwnStack | None = None
    images: str | Mapping[str, str] | None = None
    allow_external: bool = False
    left_out: Mapping[str, InputError] = field(default_factory=dict)


def load_plan(path: Path, *, runbook: Path | None = None) -> Plan:
    """The plan in the file `path`.

    Args:
        path: a YAML file; the files that it names are relative to it.
        runbook: a runbook to drill in place of the plan's own. What of the plan does not fit it is left out
            and told in `Plan.left_out`, for the plan was not written for it.

    Raises:
        InputError: the plan, or its runbook, can't be used; with the file and line.
    """
    from drillbook.runbook.parse import parse_runbook  # noqa: PLC0415  slow to import

    table = read(path, "the plan").table(_KEYS, ("runbook", "drills"))
    book = parse_runbook(runbook if runbook is not None else _file(table["runbook"]))
    operator = _operator(table.get("operator"), Operator())
    own = _folder(table["scenarios"]) if "scenarios" in table else None
    stack = read_stack(table.get("stack"))
    sectionless: dict[str, InputError] | None = {} if runbook is not None else None
    others: list[InputError] | None = [] if runbook is not None else None
    return Plan(
        path=path,
        runbook=book,
        drills=_drills(table["drills"], _Known(book, operator, registry.scenarios(own), sectionless)),
        platform=_platform(table.get("platform")),
        operator=operator,
        objectives=Objectives(**_durations(table.get("objectives"), ("detect", "resolve"))),
        bindings=read_bindings(table.get("bindings"), book, left_out=others),
        placeholders=read_placeholders(table.get("placeholders"), book, left_out=others),
        tools=_tools(table.get("tools")),
        clock=table["clock"].choice(CLOCKS) if "clock" in table else "jump",
        timing=_timing(table.get("timing")),
        traffic=_traffic(table.get("traffic"), stack),
        scenarios=own,
        stack=stack,
        images=_images(table.get("images")),
        allow_external=_switch(table.get("allow_external")),
        left_out={**(sectionless or {}), **{f"line {error.line}": error for error in others or ()}},
    )


def select(plan: Plan, names: Sequence[str], *, all_variants: bool) -> tuple[PlannedDrill, ...]:
    """The drills of `plan` that `names` ask for, in that order; without names, those of every scenario.

    Args:
        plan: the plan.
        names: each `SCENARIO` or `SCENARIO/VARIANT`.
        all_variants: a scenario stands for all its variants in the plan, and not for the first.

    Raises:
        InputError: the plan has no such scenario or variant.
    """
    by_scenario: dict[str, list[PlannedDrill]] = {}
    for drill in plan.drills:
        by_scenario.setdefault(drill.scenario.name, []).append(drill)
    chosen: dict[str, PlannedDrill] = {}
    for name in names or by_scenario:
        scenario, slash, variant = name.partition("/")
        if scenario in plan.left_out and scenario not in by_scenario:
            raise plan.left_out[scenario]
        if scenario not in by_scenario:
            hint = suggestion(scenario, by_scenario)
            raise InputError(f"the plan has no scenario {scenario!r}", path=plan.path, hint=hint)
        drills = by_scenario[scenario]
        if slash:
            drills = [drill for drill in drills if drill.variant.name == variant]
        elif not all_variants:
            drills = drills[:1]
        if not drills:
            hint = suggestion(name, [drill.name for drill in by_scenario[scenario]])
            raise InputError(f"the plan has no variant {name!r}", path=plan.path, hint=hint)
        chosen |= {drill.name: drill for drill in drills}
    return tuple(chosen.values())


def _file(item: Item) -> Path:
    file = item.path.parent / item.text()
    if not file.is_file():
        raise item.error(f"there is no file {item.text()!r} beside the plan")
    return file


def _folder(item: Item) -> Path:
    folder = item.path.parent / item.text()
    if not folder.is_dir():
        raise item.error(f"there is no folder {item.text()!r} beside the plan")
    return folder.resolve()


def _platform(item: Item | None) -> PlatformChoice:
    table = item.table(("name", "surface")) if item is not None else {}
    name, surface = table.get("name"), table.get("surface")
    return PlatformChoice(
        name.choice(PLATFORMS) if name is not None else PLATFORMS[0],
        surface.choice(SURFACES) if surface is not None else DOCUMENTED,
    )


def _operator(item: Item | None, base: Operator) -> Operator:
    """`base` with what `item` changes."""
    table = item.table(("role", "exports")) if item is not None else {}
    role, exports = table.get("role"), table.get("exports")
    return Operator(
        role.choice(ROLES) if role is not None else base.role,
        tuple(entry.choice(EXPORTS) for entry in exports.items()) if exports is not None else base.exports,
    )


def _durations(item: Item | None, keys: Sequence[str]) -> dict[str, float]:
    """The durations of the table `item` in seconds, by field name: `detect` gives `detect_s`."""
    table = item.table(keys) if item is not None else {}
    return {f"{key}_s": value.duration_s() for key, value in table.items()}


def _timing(item: Item | None) -> Timing:
    keys = ("probe_interval", "hold", "settle", "step_deadline", "deadline")
    table = item.table((*keys, "clock_speed")) if item is not None else {}
    speed = table.pop("clock_speed", None)
    timing = Timing(
        **{f"{key}_s": value.duration_s() for key, value in table.items()},
        clock_speed=speed.integer(1, _FASTEST_CLOCK) if speed is not None else 1,
    )
    if "probe_interval" in table:
        table["probe_interval"].duration_s(least=0.01, most=1.0)
    if item is not None and timing.hold_s < 2 * timing.probe_interval_s:
        raise item.error("hold is shorter than two probe intervals", "a window needs samples to be judged by")
    return timing


def _switch(item: Item | None) -> bool:
    """Whether `item` says true; False where it is not there."""
    value = item.scalar() if item is not None else "false"
    if item is not None and value not in ("true", "false"):
        raise item.mismatch("true or false")
    return value == "true"


def _images(item: Item | None) -> str | Mapping[str, str] | None:
    """The images of the docker backend: a set's name, or images by role, or None for the usual ones."""
    if item is None:
        return None
    if not item.is_table():
        return item.choice(container_images.SETS)
    return {role: image.text() for role, image in item.table(container_images.ROLES).items()}


def _traffic(item: Item | None, stack: OwnStack | None) -> TrafficChoice:
    table = item.table(("users", "locustfile", "paths")) if item is not None else {}
    users = table["users"].integer(0, _MOST_USERS) if "users" in table else TrafficChoice().users
    if "paths" in table and ("locustfile" in table or stack is None):
        raise table["paths"].error(
            "paths are for a stack of the plan's own, and without a locustfile", "keep one of them"
        )
    if "locustfile" in table:
        return TrafficChoice(users, _file(table["locustfile"]))
    if "paths" in table:
        return TrafficChoice(users, paths=tuple(read_path(entry) for entry in table["paths"].items()))
    looks = stack.app.app.looks if stack is not None else ()
    return TrafficChoice(users, paths=tuple(look.path for look in looks if look.method == "GET"))


def _tools(item: Item | None) -> tuple[str, ...]:
    names = []
    for entry in item.items() if item is not None else []:
        if not re.fullmatch(r"[\w.+-]+", entry.text()):
            raise entry.error(
                f"{entry.text()!r} is not the name of a program", "give its name without a path"
            )
        names.append(entry.text())
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class _Known:
    """What the drills of a plan are read against; `left_out` takes what does not fit, if anything may."""

    book: Runbook
    operator: Operator
    scenarios: Mapping[str, Scenario]
    left_out: dict[str, InputError] | None


def _drills(item: Item, known: _Known) -> tuple[PlannedDrill, ...]:
    drills: dict[str, PlannedDrill] = {}
    for entry in item.items():
        for drill in _scenario(entry, known):
            other = drills.setdefault(drill.name, drill)
            if other is not drill:
                raise InputError(
                    f"the variant {drill.name!r} is planned twice",
                    path=item.path,
                    line=drill.line,
                    hint=f"the first is on line {other.line}",
                )
    if not drills and known.left_out:
        raise next(iter(known.left_out.values()))
    if not drills:
        raise item.error("the plan has no drills")
    return tuple(drills.values())


def _scenario(entry: Item, known: _Known) -> list[PlannedDrill]:
    keys = ("scenario", "section", "sections", "operator", "variants")
    table = entry.table(keys, ("scenario",))
    name = table["scenario"].text()
    if name not in known.scenarios:
        raise table["scenario"].error(f"there is no scenario {name!r}", suggestion(name, known.scenarios))
    scenario = known.scenarios[name]
    sections, missing = _sections(table, scenario, known.book)
    if missing is not None and known.left_out is None:
        raise missing
    if missing is not None and known.left_out is not None and not sections:
        known.left_out[name] = missing
        return []
    own = _operator(table.get("operator"), known.operator)
    if "variants" not in table:
        return [PlannedDrill(scenario, v, sections, None, own, entry.line) for v in scenario.variants]
    variants = {variant.name: variant for variant in scenario.variants}
    drills = []
    for text, (key, value) in table["variants"].entries().items():
        if text not in variants:
            raise key.error(f"the scenario {name!r} has no variant {text!r}", suggestion(text, variants))
        settings = {} if value.is_nothing() else value.table(("known_gap", "operator", "survivors"))
        gap = settings["known_gap"].text() if "known_gap" in settings else None
        as_whom = _operator(settings.get("operator"), own)
        survivors = settings["survivors"].entries() if "survivors" in settings else {}
        accepted = {name: reason.text() for name, (_, reason) in survivors.items()}
        drills.append(PlannedDrill(scenario, variants[text], sections, gap, as_whom, key.line, accepted))
    if not drills:
        raise table["variants"].error("there are no variants", "leave the key out for all of them")
    return drills


def _sections(
    table: Mapping[str, Item], scenario: Scenario, book: Runbook
) -> tuple[tuple[Section, ...], InputError | None]:
    """The sections that the plan names, or else the scenario's own, and why one of them is missing."""
    if "section" in table and "sections" in table:
        raise table["sections"].error("section and sections are both there", "keep one of them")
    if "sections" in table:
        titles = [(item.text(), item) for item in table["sections"].items()]
        if not titles:
            raise table["sections"].error("there are no sections")
    elif "section" in table:
        titles = [(table["section"].text(), table["section"])]
    else:
        titles = [(scenario.section, table["scenario"])]
    found, missing = [], None
    for title, item in titles:
        try:
            found.append(find_section(title, book, item))
        except InputError as error:
            missing = missing or error
    return tuple(found), missing
