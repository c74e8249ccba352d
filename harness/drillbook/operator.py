"""The operator: the on-call shell of a drill, and the responder that acts in it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from drillbook.backends.docker import DockerStack
from drillbook.backends.local import LocalStack
from drillbook.desk.hints import Known
from drillbook.desk.record import Record
from drillbook.desk.responder import DeskResponder, Incident
from drillbook.journal import Journal, build
from drillbook.model import Json, Runbook, to_json
from drillbook.platforms.railway_surface import is_state_changing
from drillbook.protocols import Responder
from drillbook.responders.command import CommandResponder
from drillbook.responders.intent import changes_state
from drillbook.responders.none import NoResponder
from drillbook.responders.reference import ReferenceResponder
from drillbook.responders.runbook import Pace, RunbookResponder
from drillbook.responders.shell import OperatorShell, Shell
from drillbook.runbook.sections import find
from drillbook.signals.alert import Alerts
from drillbook.signals.sli import Signals
from drillbook.spec import AT_THE_DESK, COMMAND, DeskSpec, DrillSpec


def responder_for(
    spec: DrillSpec,
    stack: LocalStack,
    watch: Signals,
    journal: Journal,
    *,
    cure: Callable[[], Awaitable[None]],
    alerts: Alerts,
) -> Responder:
    """The responder that `spec` names; `cure` is what the one that knows the fault does."""
    header = spec.header
    if spec.responder == "none":
        return NoResponder(watch, watch_s=header.watch_s, hold_s=header.hold_s)
    if spec.responder == "reference":
        return ReferenceResponder(
            cure,
            header.reference_cure,
            journal,
            watch,
            settle_s=header.settle_s,
            hold_s=header.hold_s,
            patience_s=header.deadline_s / 2,
        )
    shell = open_shell(spec, stack)
    if spec.responder in AT_THE_DESK and spec.desk is not None:
        return _at_the_desk(spec, spec.desk, stack, shell, watch=watch, journal=journal, alerts=alerts)
    if spec.responder.startswith(COMMAND):
        command = spec.responder.removeprefix(COMMAND)
        incident = describe_incident(spec, stack)
        shell.environment = {**shell.environment, **_as_variables(incident)}
        return CommandResponder(command, incident, shell, journal, deadline_s=spec.header.deadline_s)
    return RunbookResponder(
        spec.steps,
        shell,
        journal,
        watch,
        pace=Pace(step_deadline_s=spec.step_deadline_s),
        platform=is_state_changing,
        findings=stack.take_findings,
    )


def _at_the_desk(
    spec: DrillSpec,
    desk: DeskSpec,
    stack: LocalStack,
    shell: Shell,
    *,
    watch: Signals,
    journal: Journal,
    alerts: Alerts,
) -> DeskResponder:
    """Whoever acts at the desk: by orders, and at a terminal where there is to be one."""
    header = spec.header
    book = build(Runbook, header.runbook) if header.runbook else Runbook("", "", "")
    sections = [section for title in header.sections if (section := find(book, title)) is not None]
    incident = Incident(
        severity=header.severity,
        symptoms=header.symptoms,
        app_url=stack.url,
        runbook=book,
        text=desk.runbook,
        known=Known(
            sections=[(section.title, section.line) for section in sections],
            steps=spec.steps,
            changes=lambda command: changes_state(command, is_state_changing),
            symptoms=header.symptoms,
            cure=header.reference_cure,
            gap=desk.gap,
        ),
        alerts=lambda: alerts.details,
        limit_s=header.deadline_s,
        hold_s=header.hold_s,
        clock_speed=header.clock_speed,
    )
    record = Record(
        journal, watch, book, spec.steps, platform=is_state_changing, findings=stack.take_findings
    )
    return DeskResponder(
        spec.responder,
        incident,
        shell=shell,
        record=record,
        journal=journal,
        watch=watch,
        folder=Path(desk.folder),
    )


def open_shell(spec: DrillSpec, stack: LocalStack) -> Shell:
    """The on-call shell: its tools on a PATH of their own, and what the plan's operator exports."""
    exported = stack.exports(spec.header.operator_role)
    given = {name: exported[name] for name in spec.exports if name in exported}
    given |= {"LANG": "C.UTF-8", "TERM": "dumb", "USER": "oncall", "LOGNAME": "oncall", "PAGER": "cat"}
    if isinstance(stack, DockerStack):
        return stack.open_shell(given)
    scratch = Path(spec.scratch)
    tools, home = scratch / "bin", scratch / "home"
    tools.mkdir()
    home.mkdir()
    for name, program in spec.tools.items():
        (tools / name).symlink_to(program)
    stack.platform.install_cli(tools)
    environment = {"PATH": str(tools), "HOME": str(home), "TMPDIR": str(home), **given}
    return OperatorShell(environment, home, program=spec.tools.get("bash", "/bin/bash"))


def describe_incident(spec: DrillSpec, stack: LocalStack) -> dict[str, Json]:
    """What someone who is paged gets to know: never the scenario's fault, nor its cure."""
    header = spec.header
    return {
        "schema": 1,
        "severity": header.severity,
        "symptoms": list(header.symptoms),
        "app_url": stack.url,
        "runbook": to_json(header.runbook),
        "sections": list(header.sections),
        "deadline_s": header.deadline_s,
        "seed": header.seed,
    }


def _as_variables(incident: dict[str, Json]) -> dict[str, str]:
    runbook = incident["runbook"]
    path = runbook.get("path") if isinstance(runbook, dict) else None
    return {
        "DRILLBOOK_SEVERITY": str(incident["severity"]),
        "DRILLBOOK_APP_URL": str(incident["app_url"]),
        "DRILLBOOK_RUNBOOK": str(path or os.devnull),
        "DRILLBOOK_DEADLINE_S": str(incident["deadline_s"]),
    }
