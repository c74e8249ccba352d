"""A team's own stack as its compose file has it, for the `docker` backend.

Values only; `composefile` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_SHORTEST_SECRET = 8
_SECRET = re.compile(r"secret|passw|token|key$", re.IGNORECASE)
EDGE = "drill-edge"
"""The host by which the app finds the edge."""

POSTGRES_PORT = 5432
REDIS_PORT = 6379


@dataclass(frozen=True, slots=True)
class Mount:
    """A place in a container: what is at `source` on this machine, for reading; without it an empty folder.

    `in_memory` says that the empty folder is not on a disk.
    """

    target: str
    source: str = ""
    in_memory: bool = False


@dataclass(frozen=True, slots=True)
class ComposeService:
    """A service, as a container is made of it.

    `entrypoint` and `command` are None where they are the image's. `built` says that the image is made by the
    compose file's `build`.
    """

    name: str
    image: str
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    working_dir: str = ""
    mounts: tuple[Mount, ...] = ()
    init: bool = False
    built: bool = False


@dataclass(frozen=True, slots=True)
class ComposeDatabase:
    """The database: what a PostgreSQL of Drillbook's needs to be taken for it.

    `names` are the hosts that it is known by. `user` owns `database`. `trusts` says that nobody is asked for
    a password. `scripts` are files that are run when it is made, in this order. `image` is empty where it
    is not one that a drill can use.
    """

    names: tuple[str, ...]
    user: str
    password: str
    database: str
    trusts: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    scripts: tuple[str, ...] = ()
    image: str = ""
    built: bool = False


@dataclass(frozen=True, slots=True)
class ComposeCache:
    """The cache: what a Redis of Drillbook's needs to be taken for it. An empty `password` is none."""

    names: tuple[str, ...]
    password: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    built: bool = False


@dataclass(frozen=True, slots=True)
class ComposeStack:
    """What a drill takes of a compose file.

    `port` is where the app listens in its container. `jobs` are the services that the app waits for to
    complete: each is run once before it, in this order.
    """

    file: str
    app: ComposeService
    port: int
    jobs: tuple[ComposeService, ...] = ()
    database: ComposeDatabase | None = None
    cache: ComposeCache | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The hosts by which the app knows its database, its cache and the edge."""
        parts = (self.database, self.cache)
        return (*(name for part in parts if part is not None for name in part.names), EDGE)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Those of the variables' values that must not be read in a journal."""
        services = (self.app, *self.jobs)
        pairs = [pair for service in services for pair in service.environment.items()]
        return tuple(value for name, value in pairs if _SECRET.search(name) and hidden(value, self.names))

    @property
    def images(self) -> dict[str, str]:
        """The images of the database and the cache, by a drill's roles, as far as it can use them."""
        parts = {"postgres": self.database, "redis": self.cache}
        return {role: part.image for role, part in parts.items() if part is not None and part.image}

    @property
    def built(self) -> dict[str, str]:
        """The images that the compose file makes, by the services that they are of."""
        services = (self.app, *self.jobs)
        made = {service.name: service.image for service in services if service.built}
        for part in (self.database, self.cache):
            if part is not None and part.built:
                made[part.names[0]] = part.image
        return made


def hidden(password: str, names: Sequence[str]) -> tuple[str, ...]:
    """`password`, if it is to be masked: what is short, or a name of something, is a word like others."""
    return (password,) if len(password) >= _SHORTEST_SECRET and password not in names else ()
