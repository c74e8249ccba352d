"""What a platform is asked to run: a service, and the releases of its history. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from drillbook.protocols import Limits

ENV = "/usr/bin/env"
"""What a command begins with that sets variables of its own."""


@dataclass(frozen=True, slots=True)
class Release:
    """A version of the service's code and the message of its change."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the stack.

    Args:
        name: what the CLI calls it, and the name of its part in the journal.
        command: the program of a replica; `{release}` and `{port}` in it are filled in. The port is also
            in the replica's `PORT`.
        cwd: the directory that a replica starts in.
        environment: the service's variables before anyone sets one. They are listed by the CLI, changed by
            it and restored by a rollback.
        health_path: a replica is ready once a GET of this path answers with a 2xx status.
        health_checked: whether a deployment waits for that. Without it, as on a platform where no health
            check is configured, a replica counts as ready as soon as its process runs.
        replicas: how many of them there are.
        boot_deadline_s: the seconds that a replica has to become ready.
        restart_limit: how often a replica that failed is started again before it is left crashed.
        limits: what each replica may use before anyone sets other limits.
        commands: the program of a replica by release, where that is not `command`.
    """

    name: str
    command: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    health_path: str = "/health"
    health_checked: bool = True
    replicas: int = 1
    boot_deadline_s: float = 15.0
    restart_limit: int = 10
    limits: Limits = field(default_factory=Limits)
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def argv(self, release: str, port: int) -> tuple[str, ...]:
        """The command of a replica of `release` that is to listen on `port`."""
        command = self.commands.get(release, self.command)
        return tuple(part.replace("{release}", release).replace("{port}", str(port)) for part in command)
