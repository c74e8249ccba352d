"""What a worker needs to carry out one drill: all of it, as data, so that it can be handed to a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drillbook.events import DrillStarted
from drillbook.process import Owner
from drillbook.protocols import PlannedStep

COMMAND = "command:"
"""What a responder that is a program begins with; the program follows."""


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
class DrillSpec:
    """One drill, ready to be carried out.

    `header` is the first entry of its journal, which is on file before the worker starts; `responder` is
    `runbook`, `none`, `reference` or `command:CMD`. `scratch` is for what need not outlive the drill, `logs`
    for what should. `tools` maps the name of each program on the on-call shell's PATH to the program.
    `scenarios` is the folder of the team's own scenarios, if the plan has one.
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
    ports: Ports = field(default_factory=Ports)
    owner: Owner | None = None
