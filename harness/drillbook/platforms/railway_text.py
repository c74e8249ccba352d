"""The forms in which the `railway` stand-in prints what it was asked: the real CLI's.

It reads nothing itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from drillbook.model import Json
from drillbook.platforms.governor import Meter, Series
from drillbook.platforms.log import LogLine
from drillbook.platforms.replica_set import ReplicaState
from drillbook.platforms.service import Release
from drillbook.protocols import Deployment, Limits

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
        f"replicas: {serving}/{len(replicas)}{_restarts(replicas)}\n"
        f"url: {url}\n"
    )


def _restarts(replicas: Sequence[ReplicaState]) -> str:
    restarts = sum(replica.restarts for replica in replicas)
    kills = sum(replica.meter.kills for replica in replicas)
    if not restarts and not kills:
        return ""
    return f" (restarts: {restarts}" + (f", killed for memory: {kills})" if kills else ")")


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


def metrics(name: str, meters: Sequence[Meter], limits: Limits, wanted: Sequence[str]) -> str:
    """What `metrics` prints of processors and memory, as far as `wanted`; replicas are added up."""
    rows = []
    if "cpu" in wanted:
        rows.append(_metric("CPU", [meter.cpu for meter in meters], limits.cpu, "{:.2f} vCPU"))
    if "memory" in wanted:
        rows.append(_metric("Memory", [meter.memory_mb for meter in meters], limits.memory_mb, "{:.1f} MB"))
    head = f"  {'':<9} {'current':<18} {'avg':<15} {'max':<15} limit"
    line = "  " + "─" * 69
    return "\n".join(
        ("", f"Metrics for {name} in production (last 1h)", "", "  Resource Usage", line, head, *rows, "", "")
    )


def _metric(label: str, series: Sequence[Series], limit: float | None, form: str) -> str:
    current = sum(each.current for each in series)
    whole = limit * len(series) if limit is not None and series else None
    now = form.format(current) + (f" ({100 * current / whole:.0f}%)" if whole else "")
    mean, largest = (
        form.format(sum(each.mean for each in series)),
        form.format(sum(each.largest for each in series)),
    )
    return f"  {label:<9} {now:<18} {mean:<15} {largest:<15} {form.format(whole) if whole else '-'}"


def metrics_json(name: str, meters: Sequence[Meter], limits: Limits, wanted: Sequence[str]) -> Json:
    """What `metrics --json` prints; memory in gigabytes, as the names say."""
    measures: dict[str, Json] = {}
    if "cpu" in wanted:
        measures["cpu"] = _measure([meter.cpu for meter in meters], limits.cpu, 1.0)
    if "memory" in wanted:
        measures["memory"] = _measure([meter.memory_mb for meter in meters], limits.memory_mb, 1e-3)
    return {"service": name, "environment": "production", **measures}


def _measure(series: Sequence[Series], limit: float | None, unit: float) -> Json:
    return {
        "current": unit * sum(each.current for each in series),
        "average": unit * sum(each.mean for each in series),
        "max": unit * sum(each.largest for each in series),
        "limit": None if limit is None else unit * limit * len(series),
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
