"""The values that every layer shares: plain, frozen, and free of behaviour.

A value here never opens a file, a socket or a process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def to_json(value: object) -> Json:
    """`value` as JSON data: dataclasses by field, enums by value, tuples as lists, paths as text.

    Raises:
        TypeError: `value` holds something that has no JSON form.
    """
    if isinstance(value, Enum):
        return to_json(value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


# --------------------------------------------------------------------------- exit codes, verdicts


class ExitCode(IntEnum):
    """What the `drillbook` command exits with; pytest's numbers."""

    OK = 0
    FAILED = 1
    INTERRUPTED = 2
    HARNESS = 3
    USAGE = 4
    INCONCLUSIVE = 5


class Verdict(StrEnum):
    """What one drill says of the runbook."""

    RESOLVED = "RESOLVED"
    NOT_RESOLVED = "NOT_RESOLVED"
    STEP_BROKEN = "STEP_BROKEN"
    HARMFUL = "HARMFUL"
    SELF_HEALED = "SELF_HEALED"
    FAULT_NOT_TAKEN = "FAULT_NOT_TAKEN"
    INFRA_ERROR = "INFRA_ERROR"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class Phase(StrEnum):
    """The phases of a drill, in their order."""

    BOOT = "boot"
    STEADY = "steady"
    INJECT = "inject"
    CONFIRM = "confirm"
    DETECT = "detect"
    RESPOND = "respond"
    VERIFY = "verify"
    INVARIANTS = "invariants"
    TEAR_DOWN = "tear-down"


class Effect(StrEnum):
    """What a step did to the SLIs, seen in the window after it."""

    NONE = "none"
    BETTER = "better"
    CURED = "cured"
    WORSE = "worse"


class Level(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


# --------------------------------------------------------------------------- the runbook


class StepKind(StrEnum):
    """Whether a step is a shell command or prose."""

    COMMAND = "command"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its place. `path` holds the titles from the outermost heading to this one."""

    title: str
    level: int
    line: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeverityLevel:
    """A row of the severity table. `response_s` is the response time in seconds, if it gives one."""

    level: str
    description: str
    response_s: float | None
    line: int


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of the runbook.

    `text` is what a reader calls it: the prose of a manual step; for a command step the comment that
    titles it, or else the command. `command` is the shell text exactly as it is to be run, without a
    prompt. `line` and `end_line` are 1-based and bound the instruction itself (not its comment).
    `caution` marks a last resort: "caution", "if needed", "if necessary" and their like.
    """

    line: int
    section: tuple[str, ...]
    kind: StepKind
    text: str
    command: str | None = None
    language: str | None = None
    comment: str | None = None
    placeholders: tuple[str, ...] = ()
    caution: bool = False
    end_line: int = 0


class LineClass(StrEnum):
    """What a line of a code block is."""

    COMMAND = "command"
    COMMENT = "comment"
    OUTPUT = "output"
    CONFIGURATION = "configuration"
    TEMPLATE = "template"
    BLANK = "blank"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line of a code block: what it is, and for a command the line of the step that it is part of."""

    line: int
    kind: LineClass
    step_line: int | None = None


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A code block and the class of each of its lines (the fences themselves are not among them)."""

    line: int
    end_line: int
    section: tuple[str, ...]
    language: str | None
    lines: tuple[CodeLine, ...]


@dataclass(frozen=True, slots=True)
class StatusTemplate:
    """The status-update template, to the letter, and the line that it begins on."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class PostMortemHeading:
    """A heading of the post-mortem template and the question that it asks."""

    title: str
    prompt: str
    line: int


@dataclass(frozen=True, slots=True)
class Templates:
    """What the runbook wants written."""

    status_update: StatusTemplate | None = None
    post_mortem: tuple[PostMortemHeading, ...] = ()


@dataclass(frozen=True, slots=True)
class Cadence:
    """A moment at which the runbook asks for a status update.

    `moment` is `start`, `interval`, `resolution` or `post-mortem`; `interval_s` is the interval, or for
    `post-mortem` the time allowed, in seconds; `severities` is empty where all are meant.
    """

    moment: str
    text: str
    line: int
    interval_s: float | None = None
    severities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """A checkbox of the runbook."""

    line: int
    section: tuple[str, ...]
    text: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Contact:
    """A row of the contacts."""

    role: str
    contact: str
    line: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the parser could not class, said aloud instead of guessed."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Runbook:
    """A parsed runbook. `sha256` is of the file's bytes."""

    path: str
    sha256: str
    title: str
    sections: tuple[Section, ...] = ()
    severities: tuple[SeverityLevel, ...] = ()
    steps: tuple[Step, ...] = ()
    blocks: tuple[CodeBlock, ...] = ()
    templates: Templates = field(default_factory=Templates)
    cadences: tuple[Cadence, ...] = ()
    checklist: tuple[ChecklistItem, ...] = ()
    contacts: tuple[Contact, ...] = ()
    notices: tuple[Notice, ...] = ()


# --------------------------------------------------------------------------- what is drilled


@dataclass(frozen=True, slots=True)
class Machine:
    """What a drill ran on, as far as its times hang on it: how many cores, and of which architecture."""

    cores: int
    architecture: str


@dataclass(frozen=True, slots=True)
class Revision:
    """Which commit of a git repository a file was at: its full hash, and the file's path in the repository.

    `dirty` says that the file differed from that commit.
    """

    commit: str
    path: str
    dirty: bool


@dataclass(frozen=True, slots=True)
class Objectives:
    """What a plan asks of a drill, in seconds."""

    detect_s: float = 5.0
    resolve_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth mending in the runbook, at one of its lines. `fix` says how, where there is a way."""

    rule: str
    line: int
    level: Level
    message: str
    fix: str = ""
