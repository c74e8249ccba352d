"""The forms in which the `railway` stand-in prints what it was asked: the real CLI's.

It reads nothing itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from drillbook.model import Json
from drillbook.platforms.log import LogLine
from drillbook.platforms.replica_set import ReplicaState
from drillbook.platforms.service import Release
from drillbook.protocols import Deployment

_LEVELS = {
    "debug": "DEBU",
    "info": "INFO",
    "warn": "WARN",
    "warning": "WARN",
    "error": "ERRO",
    "critical": "ERRO",
}
_MESSAGE_KEYS = ("message", "msg")
_TIME_KEYS = ("timestamp", "time", "ts")


def health(newest: Deployment, current: Deployment, replicas: Sequence[ReplicaState]) -> str:
    """The one line by which the CLI tells how the service is; of crashes only, never of a hang."""
    crashed = sum(replica.crashed for replica in replicas)
    if current.status == "CRASHED":
        return "● Crashed"
    if not replicas:
        return "○ Offline"
    if crashed:
        return f"● Online ({crashed}/{len(replicas)} replicas crashed)"
    if newest.status == "FAILED":
        return "● Online · Deploy failed"
    return "● Online · Deploying" if newest.status == "DEPLOYING" else "● Online"


def status(
    *,
    name: str,
    state: str,
    current: Deployment,
    release: Release,
    replicas: Sequence[ReplicaState],
    url: str,
) -> str:
    """What `status` prints."""
    serving = sum(replica.serving for replica in replicas)
    return (
        f"Project: {name}\nEnvironment: production\nService: {name}\n\n"
        f"status: {state}\n"
        f"deployment: {current.id} ({release.message})\n"
        f"replicas: {serving}/{len(replicas)}\n"
        f"url: {url}\n"
    )


def status_json(
    *,
    service_id: str,
    name: str,
    state: str,
    newest: Deployment,
    current: Deployment,
    replicas: Sequence[ReplicaState],
) -> Json:
    """What `status --json` prints: the project with its environments and service instances."""
    instances: list[Json] = [
        {"id": str(replica.number), "status": "CRASHED" if replica.crashed else "RUNNING"}
        for replica in replicas
    ]
    instance: dict[str, Json] = {
        "serviceId": service_id,
        "serviceName": name,
        "status": state,
        "numReplicas": len(replicas),
        "latestDeployment": {"id": newest.id, "status": newest.status, "createdAt": newest.created},
        "activeDeployments": [{"id": current.id, "status": current.status, "instances": instances}],
    }
    return {
        "name": name,
        "services": {"edges": [{"node": {"id": service_id, "name": name}}]},
        "environments": {
            "edges": [{"node": {"name": "production", "serviceInstances": {"edges": [{"node": instance}]}}}]
        },
    }


def deployments(shown: Sequence[Deployment]) -> str:
    """What `deployment list` prints."""
    rows = [f"  {each.id} | {each.status} | {_utc(each.created)}\n" for each in shown]
    return "Recent Deployments\n" + "".join(rows)


def deployment_json(deployment: Deployment, release: Release) -> Json:
    """One deployment as `deployment list --json` prints it."""
    return {
        "id": deployment.id,
        "status": deployment.status,
        "createdAt": deployment.created,
        "meta": {"commitMessage": release.message, "branch": "main", "release": release.name},
    }


def log_line(line: LogLine) -> str:
    """A line of a log: as it came, or where it is JSON with a message as `<ts> [ERRO] msg k=v`."""
    fields = _fields(line.text)
    if fields is None:
        return line.text
    level = _LEVELS.get(str(fields.pop("level", "info")).lower(), "INFO")
    message = next(str(fields.pop(key)) for key in _MESSAGE_KEYS if key in fields)
    at = next((str(fields.pop(key)) for key in _TIME_KEYS if key in fields), line.at)
    rest = [
        f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in fields.items()
    ]
    return " ".join([at, f"[{level}]", message, *rest])


def log_json(line: LogLine) -> str:
    """A line of a log as `logs --json` prints it: one JSON object."""
    fields = _fields(line.text)
    if fields is None:
        return json.dumps({"message": line.text, "timestamp": line.at}, ensure_ascii=False)
    return json.dumps({"timestamp": line.at, **fields}, ensure_ascii=False)


def _fields(text: str) -> dict[str, Json] | None:
    if not text.startswith("{"):
        return None
    try:
        fields = json.loads(text)
    except ValueError:
        return None  # it only looks like JSON, so it is shown as it came
    if isinstance(fields, dict) and any(key in fields for key in _MESSAGE_KEYS):
        return fields
    return None


def table(name: str, variables: Mapping[str, str]) -> str:
    """Variables as a table for people."""
    title = f" Variables for {name} "
    rows = sorted(variables.items())
    key_width = max(len(key) for key, _ in rows)
    lines = [f"║ {key:<{key_width}} │ {value}" for key, value in rows]
    width = max(len(title) + 2, *(len(line) for line in lines)) + 1
    body = [f"{line:<{width}}║" for line in lines]
    return "\n".join([f"╔{title:═^{width - 1}}╗", *body, f"╚{'═' * (width - 1)}╝"]) + "\n"


def _utc(created: str) -> str:
    return datetime.fromisoformat(created).strftime("%Y-%m-%d %H:%M:%S UTC")
