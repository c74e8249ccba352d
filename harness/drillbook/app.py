"""The app under drill: what scenarios, faults and the monitoring may know of it, and what it may lack.

Values only. The shop is the app that comes with drillbook; any other is as the plan's `stack` describes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from drillbook.composed import ComposeStack
from drillbook.model import Json

PATIENCE_S = 0.5
"""Customers give up on a page that takes longer."""

ENDS_AT_BOOT = "ends at boot"
ENDS_AFTER_BOOT = "ends after boot"
FAILS_REQUESTS = "fails requests"
IS_SLOW = "is slow"
LEAKS_MEMORY = "leaks memory"
BUGS: Mapping[str, str] = MappingProxyType(
    {
        ENDS_AT_BOOT: "a release that ends as soon as it starts",
        ENDS_AFTER_BOOT: "a release that starts, serves for a moment, and ends",
        FAILS_REQUESTS: "a release that answers requests with errors",
        IS_SLOW: "a release whose answers come too late",
        LEAKS_MEMORY: "a release that keeps memory until it is killed for it",
    }
)
"""What may be wrong with a release, as a plan says it."""


def with_bug(bug: str) -> str:
    """The need of a release with that bug."""
    return f"release that {bug}"


NEEDS: Mapping[str, str] = MappingProxyType(
    {
        "database": "an app that uses PostgreSQL",
        "cache": "an app that uses Redis",
        "table": "a table of the app's in PostgreSQL",
        "bad variable": "a variable, and a value of it with which the app does not serve",
        **{with_bug(bug): meaning for bug, meaning in BUGS.items()},
        "provider": "an external provider whose outages the app feels",
        "shop locks": "the advisory locks of the shop",
        "shop tables": "the tables of the shop, and how they are queried",
        "shop keys": "the keys that the shop reads from Redis",
        "shop variables": "the variables that the shop reads",
        "shop releases": "a release of the shop's that does something with its own data",
        "shop traffic": "the load of the shop's customers",
        "shop floods": "clients who do what the shop answers",
    }
)
"""What a scenario or a variant may need of a stack, and what that is. The shop has all of it."""

PLACEHOLDERS: Mapping[str, str] = MappingProxyType(
    {
        "database_url": "the URL of the app's PostgreSQL database, as its owner",
        "database_host": "its host",
        "database_port": "its port",
        "database_user": "its user",
        "database_password": "the user's password",
        "database_name": "its name",
        "cache_url": "the URL of database 0 of the app's Redis",
        "cache_host": "its host",
        "cache_port": "its port",
        "cache_password": "its password",
        "app_url": "where customers reach the app",
        "folder": "the app's folder",
        "scratch": "a folder that may be written to, the drill's own",
    }
)
"""What may stand in braces in a `stack` for what is known only in a drill."""

AT_A_REPLICA = ("port", "release")
"""What may stand in braces in the command of a replica alone."""

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Look:
    """A request by which the monitoring looks at the app; `name` is its SLI's.

    `status` is the one good status, None for any from 200 to 299; `slow_s` how long a good answer may take.
    """

    name: str
    path: str
    method: str = "GET"
    body: Json = None
    status: int | None = None
    slow_s: float = PATIENCE_S


@dataclass(frozen=True, slots=True)
class App:
    """What there is to know of an app.

    `table` is a table of the app's, and `lock` a statement that keeps everyone from writing where it matters
    until its transaction ends; both are empty where there is none, or none is known yet. `offers` are those
    of `NEEDS` that the app meets. `releases` gives the release with a bug, by the bug. `bad_variable` is a
    variable's name and a value with which the app does not serve.
    """

    name: str
    looks: tuple[Look, ...]
    offers: tuple[str, ...]
    table: str = ""
    lock: str = ""
    releases: Mapping[str, str] = field(default_factory=dict)
    bad_variable: tuple[str, ...] = ()
    is_shop: bool = False

    def release(self, name: str) -> str:
        """The release that is meant by its name or by its bug."""
        return self.releases.get(name, name)

    def statement(self, text: str) -> str:
        """The SQL statement `text` with `{table}` and `{lock}` filled in."""
        return text.replace("{table}", self.table).replace("{lock}", self.lock)


@dataclass(frozen=True, slots=True)
class OwnRelease:
    """A release of a team's own app: its bug, and its command and variables where they are its own."""

    name: str
    message: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    bug: str = ""


@dataclass(frozen=True, slots=True)
class OwnInvariant:
    """A query of one number that no cure may make smaller."""

    name: str
    query: str


@dataclass(frozen=True, slots=True)
class OwnApp:
    """A team's own app, as a plan describes it; what is in braces is filled in by the backend.

    Args:
        app: what scenarios may know of it.
        command: what starts a replica.
        folder: the folder that it starts in.
        environment: the service's variables.
        health: the path of the health check.
        releases: the history, oldest first; those with a bug are no part of it.
        setup: commands that are run once, before the app starts.
        schema: a file of SQL that is run before those, as the app's user; empty for none.
        boot_s: how long a replica may take until it serves, in seconds, and a command of `setup` to end.
        search: the PATH of the app's processes.
        reads: what they must be able to read beside `folder`.
        memory_mb: the most memory that a replica may use, in megabytes; None for no limit.
        invariants: what no cure may harm, beside what is the same for every app.
        paths: what the generated traffic visits.
        image: the image that has the app, for the docker backend; empty where there is none.
        compose: the stack that it comes from, where that is a compose file's.
    """

    app: App
    command: tuple[str, ...]
    folder: str
    environment: Mapping[str, str]
    health: str
    releases: tuple[OwnRelease, ...]
    setup: tuple[tuple[str, ...], ...] = ()
    schema: str = ""
    boot_s: float = 20.0
    search: str = ""
    reads: tuple[str, ...] = ()
    memory_mb: float | None = None
    invariants: tuple[OwnInvariant, ...] = ()
    paths: tuple[str, ...] = ()
    image: str = ""
    compose: ComposeStack | None = None

    @property
    def history(self) -> tuple[OwnRelease, ...]:
        """The releases without a bug, oldest first; the last one serves."""
        return tuple(release for release in self.releases if not release.bug)


_ORDER: dict[str, Json] = {"sku": "tea-001", "quantity": 1, "customer": "probe"}
SHOP = App(
    name="orders",
    looks=(
        Look("health", "/health"),
        Look("browse", "/products/tea-002"),
        Look("order", "/orders", "POST", _ORDER),
    ),
    offers=tuple(NEEDS),
    table="products",
    lock="UPDATE products SET on_hand = on_hand WHERE sku = 'tea-001'",
    releases=MappingProxyType(
        {
            ENDS_AT_BOOT: "r2026_11_5",
            ENDS_AFTER_BOOT: "r2026_11_4",
            FAILS_REQUESTS: "r2026_11_7",
            IS_SLOW: "r2026_11_22",
            LEAKS_MEMORY: "r2026_11_19",
        }
    ),
    bad_variable=("DB_POOL_TIMEOUT", "1s"),
    is_shop=True,
)
"""The app that comes with drillbook."""


@runtime_checkable
class Described(Protocol):
    """A stack that says which app is on it."""

    @property
    def app(self) -> App:
        """The app."""


def app_of(stack: object) -> App:
    """The app on `stack`: the shop, unless the stack says otherwise."""
    return stack.app if isinstance(stack, Described) else SHOP


def unmet(needs: Iterable[str], app: App) -> tuple[str, ...]:
    """Those of `needs` that `app` does not meet, each once."""
    return tuple(need for need in dict.fromkeys(needs) if need not in app.offers)


def why_not(missing: Iterable[str]) -> str:
    """The reason why what needs `missing` can't be drilled, as one sentence without a full stop."""
    parts = [f"{NEEDS[need]} (needs: {need})" if need in NEEDS else need for need in missing]
    return f"The stack lacks what the drill needs: {'; '.join(parts)}"


def lock_of(table: str) -> str:
    """The statement that keeps everyone from writing to `table`, and lets them read."""
    return f"LOCK TABLE {table} IN EXCLUSIVE MODE"


def used(text: str) -> list[str]:
    """The placeholders in `text`, known or not, without their braces."""
    return _PLACEHOLDER.findall(text)


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with each placeholder of `values` filled in; others stay as they are."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)
