"""What the `railway` stand-in does for each call: it reads the platform or changes it, and words the answer.

It knows the platform by `Operated` only, and never prints.
"""

from __future__ import annotations

import json
import shlex
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from drillbook.errors import DrillbookError, StackError
from drillbook.model import Json, to_json
from drillbook.platforms import railway_surface as surfaces
from drillbook.platforms import railway_text as text
from drillbook.platforms.arguments import Parsed, Unparsed
from drillbook.platforms.environment_edit import edited
from drillbook.platforms.operated import Operated

OnFinding: TypeAlias = Callable[[str, str], None]
RULE = "documented-surface-only"
_DEFAULT_LINES = 500
_DEFAULT_LIMIT = 20
_MOST_LISTED = 1000
_NAMESPACE = uuid.UUID("0f1c9c36-57bb-5a0e-8a57-9a2c7b1f6c11")
# What the real CLI doesn't inject into the child of `run`, and what belongs to the operator's shell: with
# another PATH the child would find tools that the plan does not name.
_NOT_INJECTED = frozenset(
    (
        *("PATH", "HOME", "SHELL", "PAGER", "ENV", "BASH_ENV", "IFS", "EDITOR", "VISUAL"),
        *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PERL5LIB", "PERL5OPT", "RUBYLIB", "RUBYOPT"),
        *("NODE_OPTIONS", "GIT_SSH", "GIT_SSH_COMMAND"),
    )
)
_NOT_INJECTED_PREFIXES = ("LD_", "DYLD_")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the command prints and exits with.

    `child` is the place in the arguments where the command begins that it is to run, with `variables`
    added to its environment; the exit code is then the child's.
    """

    stdout: str = ""
    stderr: str = ""
    code: int = 0
    child: int | None = None
    variables: Mapping[str, str] | None = None

    def to_json(self) -> Json:
        """The answer as it goes over the socket."""
        return to_json(self)


class RailwayCalls:
    """Answers the calls of one platform's CLI.

    Args:
        platform: what the calls read and change.
        surface: which calls there are.
        on_finding: called with the rule and a message where a call works only on the documented surface.

    Raises:
        InputError: there is no such surface.
    """

    def __init__(self, platform: Operated, surface: str, on_finding: OnFinding | None) -> None:
        self._platform = platform
        self._surface = surfaces.check(surface)
        self._on_finding = on_finding
        self._actions: Mapping[str, Callable[[Parsed, str | None], Awaitable[Answer]]] = {
            "status": self._status,
            "logs": self._logs,
            "deployment": self._list,
            "deployment list": self._list,
            "deployment redeploy": self._redeploy,
            "rollback": self._rollback,
            "run": self._run,
            "variable": self._variable,
            "variable list": self._variable,
            "variable set": self._variable_set,
            "variable delete": self._variable_delete,
            "restart": self._restart,
            "redeploy": self._redeploy,
            "scale": self._scale,
            "metrics": self._metrics,
            "environment": self._environment,
        }

    async def answer(self, argv: Sequence[str], stdin: str | None = None) -> Answer:
        """Carry out a call.

        Args:
            argv: the arguments without the program's name.
            stdin: what standard input held, for the calls that read a value from it.
        """
        try:
            call = surfaces.parse(argv, self._surface)
        except Unparsed as unparsed:
            into_stdout = unparsed.code == 0
            shown = unparsed.text + "\n"
            return Answer(shown if into_stdout else "", "" if into_stdout else shown, unparsed.code)
        try:
            self._check_documented(argv, call)
            self._check_service(call)
            action = self._actions.get(" ".join(call.path))
            if action is None:
                return _failed(f"`railway {' '.join(call.path)}` is not part of a drill: nothing was done")
            return await action(call, stdin)
        except DrillbookError as error:
            return _failed(error.message)

    def _check_documented(self, argv: Sequence[str], call: Parsed) -> None:
        """Tell of a call that only the documented surface takes, and refuse it on the real one."""
        reason = surfaces.documented_only(argv, call)
        if reason is None:
            return
        if self._surface != surfaces.DOCUMENTED:
            if call.path == ("environment",):
                return  # which the real CLI does not refuse: it passes over what it was asked
            raise StackError(_real_words(call, reason))
        if self._on_finding is not None:
            shown = shlex.join(("railway", *argv))
            message = (
                f"`{shown}` works only as documented, not with the real CLI {surfaces.VERSION}: {reason}"
            )
            self._on_finding(RULE, message)

    def _check_service(self, call: Parsed) -> None:
        asked = call.last("service")
        name = self._platform.service.name
        if asked is not None and asked.lower() not in (name.lower(), self._service_id):
            raise StackError(f"Service '{asked}' not found")

    @property
    def _service_id(self) -> str:
        return str(uuid.uuid5(_NAMESPACE, self._platform.service.name))

    async def _status(self, call: Parsed, _stdin: str | None) -> Answer:
        platform, name = self._platform, self._platform.service.name
        newest, current, replicas = platform.deployments()[0], platform.current(), platform.replicas()
        state = text.health(newest, current, replicas)
        if call.has("json"):
            return _json(
                text.status_json(
                    service_id=self._service_id,
                    name=name,
                    state=state,
                    newest=newest,
                    current=current,
                    replicas=replicas,
                )
            )
        return Answer(
            text.status(
                name=name,
                state=state,
                current=current,
                release=platform.describe(current.id),
                replicas=replicas,
                url=f"http://127.0.0.1:{platform.edge_port}",
            )
        )

    async def _logs(self, call: Parsed, _stdin: str | None) -> Answer:
        for unsupported in ("http", "build", "since", "until"):
            if call.has(unsupported):
                return _failed(f"`railway logs --{unsupported}` is not part of a drill")
        lines = int(call.last("lines") or _DEFAULT_LINES)
        wanted = call.last("filter")
        found = self._platform.logs(self._logged(call), lines if wanted is None else _MOST_LISTED * 10)
        shown = [line for line in found if wanted is None or wanted in line.text][-lines:] if lines else []
        render = text.log_json if call.has("json") else text.log_line
        return Answer("".join(render(line) + "\n" for line in shown))

    def _logged(self, call: Parsed) -> str:
        """The deployment that `logs` means: the newest SUCCESS one, unless the call says otherwise."""
        if call.arguments:
            return call.arguments[0]
        deployments = self._platform.deployments()
        successes = [each for each in deployments if each.status == "SUCCESS"]
        return (deployments if call.has("latest") or not successes else successes)[0].id

    async def _list(self, call: Parsed, _stdin: str | None) -> Answer:
        limit = int(call.last("limit") or _DEFAULT_LIMIT)
        shown = self._platform.deployments()[: min(max(limit, 1), _MOST_LISTED)]
        warning = ""
        if limit < 1:
            warning = "Warning: limit must be at least 1, using 1 instead\n"
        elif limit > _MOST_LISTED:
            warning = f"Warning: limit cannot exceed {_MOST_LISTED}, using {_MOST_LISTED} instead\n"
        if call.has("json"):
            rows: list[Json] = [
                text.deployment_json(each, self._platform.describe(each.id)) for each in shown
            ]
            return Answer(_dump(rows), warning)
        return Answer(text.deployments(shown), warning)

    async def _rollback(self, call: Parsed, _stdin: str | None) -> Answer:
        deployment = await self._platform.rollback(call.arguments[0] if call.arguments else None)
        if deployment.status == "FAILED":
            return _failed(f"Rollback failed: deployment {deployment.id} did not become healthy")
        if call.has("json"):
            return _json({"id": deployment.id})
        release = self._platform.describe(deployment.id)
        return Answer(f"Rolled back to {release.name} ({release.message}), deployment {deployment.id}\n")

    async def _run(self, call: Parsed, _stdin: str | None) -> Answer:
        if call.first is None or not call.arguments:
            return _failed("No command provided. Run with `railway run <cmd>`")
        injected = {
            name: value
            for name, value in self._platform.variables().items()
            if name not in _NOT_INJECTED and not name.startswith(_NOT_INJECTED_PREFIXES)
        }
        return Answer(child=call.first, variables=injected)

    async def _variable(self, call: Parsed, stdin: str | None) -> Answer:
        name = call.last("set-from-stdin")
        if name is not None:
            return await self._set({name: _read_value(stdin)}, call)
        if call.has("set"):
            return await self._set(_pairs(call.values["set"]), call)
        variables = self._platform.variables()
        if call.has("kv"):
            return Answer("".join(f"{key}={value}\n" for key, value in sorted(variables.items())))
        if call.has("json"):
            return _json(dict(sorted(variables.items())))
        if not variables:
            return Answer(stderr="No variables found\n")
        return Answer(text.table(self._platform.service.name, variables))

    async def _variable_set(self, call: Parsed, stdin: str | None) -> Answer:
        if not call.has("stdin"):
            return await self._set(_pairs(call.arguments), call)
        if len(call.arguments) != 1:
            return _failed("--stdin requires exactly one KEY argument")
        if "=" in call.arguments[0]:
            return _failed("Cannot use --stdin with KEY=VALUE format. Use: railway variable set KEY --stdin")
        return await self._set({call.arguments[0]: _read_value(stdin)}, call)

    async def _set(self, values: Mapping[str, str], call: Parsed) -> Answer:
        await self._platform.set_variables(values, redeploy=not call.has("skip-deploys"))
        if call.has("json"):
            return Answer(json.dumps({"keys": list(values), "set": True}) + "\n")
        return Answer(f"Set variables {', '.join(values)}\n")

    async def _variable_delete(self, call: Parsed, _stdin: str | None) -> Answer:
        name = call.arguments[0]
        await self._platform.delete_variable(name)
        if call.has("json"):
            return Answer(json.dumps({"key": name, "deleted": True}) + "\n")
        return Answer(f"Deleted variable {name}\n")

    async def _restart(self, call: Parsed, _stdin: str | None) -> Answer:
        deployment = await self._platform.restart()
        if call.has("json"):
            return _json({"id": deployment.id})
        name = self._platform.service.name
        return Answer(f"The latest deployment from service {name} has been restarted and is healthy\n")

    async def _redeploy(self, call: Parsed, _stdin: str | None) -> Answer:
        deployment = await self._platform.redeploy()
        if call.has("json"):
            return _json({"id": deployment.id})
        return Answer(
            f"The latest deployment from service {self._platform.service.name} has been redeployed\n"
        )

    async def _scale(self, call: Parsed, _stdin: str | None) -> Answer:
        if not call.arguments:
            return _failed("Please specify regions when not running in a terminal, such as us-west=2")
        counts = [argument.rpartition("=")[2] for argument in call.arguments]
        for argument, count in zip(call.arguments, counts, strict=True):
            if not (count.isascii() and count.isdigit()):
                return _failed(f"Invalid replica count in '{argument}': expected REGION=REPLICAS")
        await self._platform.scale(sum(map(int, counts)))
        if call.has("json"):
            return _json({"regions": _regions(call.arguments)})
        return Answer("Regions updated\nRedeployed\n")

    async def _metrics(self, call: Parsed, _stdin: str | None) -> Answer:
        for unsupported in ("all", "network", "volume", "http", "raw", "watch", "since", "until"):
            if call.has(unsupported):
                return _failed(f"`railway metrics --{unsupported}` is not part of a drill")
        wanted = [name for name in ("cpu", "memory") if call.has(name)] or ["cpu", "memory"]
        meters = [replica.meter for replica in self._platform.replicas()]
        limits, name = self._platform.limits(), self._platform.service.name
        if call.has("json"):
            return _json(text.metrics_json(name, meters, limits, wanted))
        return Answer(text.metrics(name, meters, limits, wanted))

    async def _environment(self, call: Parsed, _stdin: str | None) -> Answer:
        if call.arguments[:1] not in (["edit"], ["update"]):
            return _failed("of `railway environment` only `edit` is part of a drill: nothing was done")
        if self._surface != surfaces.DOCUMENTED:
            return Answer()
        before, name = self._platform.limits(), self._platform.service.name
        limits = edited(call.arguments[1:], (name.lower(), self._service_id), before)
        if limits == before:
            return Answer("No changes to apply\n")
        deployment = await self._platform.set_limits(limits)
        if deployment.status == "FAILED":
            return _failed(f"Configuration committed, but deployment {deployment.id} did not become healthy")
        return Answer("Configuration committed for production\n")


def _real_words(call: Parsed, reason: str) -> str:
    """What the real CLI says where it takes a call's form and then refuses it."""
    if call.path[-1] == "scale":
        return f"Invalid replica assignment: {reason} (regions: {', '.join(surfaces.REGIONS)})"
    return "Cannot prompt for confirmation in non-interactive mode. Use --yes to skip confirmation."


def _regions(arguments: Sequence[str]) -> Json:
    splits = [argument.rpartition("=") for argument in arguments]
    return {region or surfaces.REGIONS[0]: {"numReplicas": int(count)} for region, _, count in splits}


def _pairs(words: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals or not value:
            raise StackError(f"Invalid variable format: '{word}', expected KEY=VALUE")
        pairs[name] = value
    return pairs


def _read_value(stdin: str | None) -> str:
    value = (stdin or "").rstrip("\n").rstrip("\r")
    if not value:
        raise StackError("No value provided via stdin, pipe one in")
    return value


def _failed(message: str) -> Answer:
    return Answer(stderr=message + "\n", code=1)


def _json(value: Json | Mapping[str, str]) -> Answer:
    return Answer(_dump(value))


def _dump(value: Json | Mapping[str, str]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
