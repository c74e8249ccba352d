"""What a worker needs to carry out one drill: all of it, as data, so that it can be handed to a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drillbook.app import OwnApp
from drillbook.events import DrillStarted
from drillbook.process import Owner
from drillbook.protocols import PlannedStep

FILE = "spec.json"
"""Where a drill's spec is while its worker lives, among its logs: an app's variables in it are in clear."""

COMMAND = "command:"
"""What a responder that is a program begins with; the program follows."""


AT_THE_DESK = ("shell", "mcp")
"""The responders that act through the desk: a human at a terminal, and an agent."""


@dataclass(frozen=True, slots=True)
class DeskSpec:
    """What the desk needs; see `drillbook.desk`.

    `folder` is where its sockets are made, and `runbook` the runbook's text. `gap` is what the plan knows of
    the runbook's falling short, for hints. `terminal` says that there is to be one, and `grace_s` after how
    many seconds in which nobody was joined to it the drill ends.
    """

    folder: str
    runbook: str
    gap: str = ""
    terminal: bool = False
    grace_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Ports:
    """The TCP ports on the drill's loopback; in a sandbox the standard ones."""

    postgres: int = 5432
    redis: int = 6379
    edge: int = 8080
    provider: int = 8025


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the real programs are. `faketime` is None where the database's clock is not to be jumped."""

    postgres: str
    redis: str
    faketime: str | None


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """What a drill in containers needs beside: the image of each role, and ports for the harness's own ways.

    `bindir` is where the database's image has its programs, and `faketime` where it has libfaketime; None
    where its clock is not to be jumped. `copied` is a library of this machine that is copied there first.
    `owner` is the command, as `docker.labels.OWNER` has it.
    """

    postgres: str
    redis: str
    app: str
    operator: str
    bindir: str
    faketime: str | None
    copied: str | None
    owner: str
    gate_port: int
    operator_port: int
    calls_port: int


@dataclass(frozen=True, slots=True)
class DrillSpec:
    """One drill, ready to be carried out.

    `header` is the first entry of its journal, which is on file before the worker starts; `responder` is
    `runbook`, `none`, `reference`, `command:CMD`, or one of `AT_THE_DESK`, and only then is there a `desk`.
    `scratch` is for what need not outlive the drill, `logs` for what should. `tools` maps the name of each
    program on the on-call shell's PATH to the program.
    `scenarios` is the folder of the team's own scenarios, and `own_app` its own app, if the plan has them.
    `containers` is there where the backend is `docker`.
    """

    header: DrillStarted
    journal: str
    logs: str
    scratch: str
    template: str
    programs: Programs
    responder: str
    steps: tuple[PlannedStep, ...]
    exports: tuple[str, ...]
    tools: Mapping[str, str]
    step_deadline_s: float
    users: int
    locustfile: str
    scenarios: str | None = None
    own_app: OwnApp | None = None
    ports: Ports = field(default_factory=Ports)
    owner: Owner | None = None
    containers: ContainerSpec | None = None
    desk: DeskSpec | None = None
