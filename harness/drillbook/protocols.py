"""The contracts by which the layers meet. Peers know these and not one another.

Everything here runs on one asyncio event loop, in the drill's worker.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

import psycopg

from drillbook.model import Step

Connection: TypeAlias = "psycopg.AsyncConnection[tuple[Any, ...]]"


# --------------------------------------------------------------------------- the stack


class Database(Protocol):
    """A PostgreSQL server. `role` is `superuser`, `app` (the app's own) or `reporting` (a bystander's)."""

    def url(self, role: str = "superuser", *, database: str | None = None) -> str:
        """The connection URL of `role`."""

    async def connect(self, role: str = "superuser", *, name: str = "drillbook") -> Connection:
        """A new autocommit connection; `name` is its application_name. The caller closes it."""

    async def age(self, seconds: float) -> None:
        """Make everything now open on the server older by `seconds`, as the server itself sees it.

        Jumps the server's clock, or waits where the plan asks for honest waiting.
        """

    async def kill(self) -> None:
        """End the server at once and leave it down; its data stay. Does no harm where it is down."""

    async def revive(self) -> None:
        """Start a server that is down on the data that it had, and wait until it answers.

        Raises:
            StackError: it does not.
        """


class Cache(Protocol):
    """A Redis server. `role` is `app` (the user that the service and the operator have) or `owner`."""

    @property
    def spare_password(self) -> str:
        """A password that no user has yet; the journal hides it."""

    def url(self, database: int = 0, *, role: str = "app") -> str:
        """The connection URL of a numbered database, with the password that `role` had at the start."""

    async def kill(self) -> None:
        """End the server at once, as SIGKILL does, and leave it down. Does no harm where it is down."""

    async def revive(self) -> None:
        """Start a server that is down on what it has on disk, and wait until it listens.

        Raises:
            StackError: it does not.
        """


class Provider(Protocol):
    """The stand-in for the service's external provider, of text messages."""

    async def set_mode(self, mode: str) -> None:
        """Make it behave: `ok`, `error-500`, `rate-limited`, `unauthorized` or `hang`.

        Raises:
            StackError: it is down, or has no such mode.
        """

    async def mode(self) -> str:
        """How it behaves now; see `set_mode`.

        Raises:
            StackError: it is down.
        """

    async def set_key(self, key: str | None) -> None:
        """Make it refuse every key but `key` with 401, or with None take any, as at the start.

        Raises:
            StackError: it is down.
        """

    async def key(self) -> str | None:
        """The key that it takes, or None where it takes any.

        Raises:
            StackError: it is down.
        """

    async def hits(self) -> int:
        """How many messages it was sent so far, whatever it answered.

        Raises:
            StackError: it is down.
        """

    async def kill(self) -> None:
        """End it, so that connections to it are refused. Does no harm where it is down."""

    async def revive(self) -> None:
        """Start it again after `kill`; it is then as at the start."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment: a release with the variables that it was deployed with.

    `status` is one of DEPLOYING, SUCCESS, FAILED, CRASHED, REMOVED; `created` is in UTC, ISO 8601.
    """

    id: str
    release: str
    status: str
    created: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one replica may use at most: resident memory in megabytes, and processors; None is no limit."""

    memory_mb: float | None = None
    cpu: float | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What one replica uses.

    `memory_mb` is its resident memory in megabytes; `cpu` the processors that it used over the last second
    or so, which began at `since`. `kills` counts how often it was killed for its memory, and `killed` is
    when that was last. Times are monotonic seconds, and minus infinity before anything was measured.
    """

    memory_mb: float = 0.0
    cpu: float = 0.0
    since: float = -math.inf
    kills: int = 0
    killed: float | None = None


class Platform(Protocol):
    """What the runbook's CLI talks to: it deploys, supervises and rolls back the service."""

    async def deploy(
        self, release: str, *, variables: Mapping[str, str] | None = None, deadline_s: float = 20.0
    ) -> Deployment:
        """Deploy `release` with the service's variables (updated by `variables`), and wait until it serves.

        Where no health is checked, that is as soon as its processes run.

        Raises:
            StackError: it does not serve within `deadline_s`. (A deployment that fails its health check
                gets the status FAILED and is returned, not raised.)
        """

    def current(self) -> Deployment:
        """The deployment that serves now."""

    def deployments(self) -> Sequence[Deployment]:
        """Every deployment, newest first."""

    def variables(self) -> Mapping[str, str]:
        """The service's variables as they are set now."""

    def tail(self, lines: int) -> Sequence[str]:
        """The last lines of the log of the deployment that serves, oldest first."""

    async def rollback(self, deployment_id: str | None = None) -> Deployment:
        """Bring back the release and the variables of an earlier deployment; without an id the one before.

        Raises:
            StackError: there is no such deployment.
        """

    async def restart(self) -> Deployment:
        """Start the replicas anew.

        Raises:
            StackError: they did not become ready.
        """

    async def scale(self, replicas: int) -> None:
        """Run that many replicas.

        Raises:
            StackError: a new one did not become ready.
        """

    async def set_variables(self, values: Mapping[str, str]) -> Deployment:
        """Set variables of the service and deploy the current release with them."""

    async def pause(self) -> None:
        """Make the processes that serve hang: they are stopped where they are, and nobody is told."""

    async def resume(self) -> None:
        """Let those of them that still serve go on."""

    async def paused(self) -> Sequence[int]:
        """The ids of the processes that serve and are stopped."""

    def limits(self) -> Limits:
        """What each replica may use at most."""

    async def set_limits(self, limits: Limits, *, redeploy: bool = True) -> Deployment:
        """Give the replicas other limits, now and in later deployments, and deploy the current release.

        Without `redeploy` those that run are held to them at once, where they are.
        """

    def use(self) -> Sequence[Use]:
        """What each replica of the deployment that serves uses."""


class Flood(Protocol):
    """Clients beside the ordinary customers, from addresses of their own; bounded in rate and in time."""

    async def start(self) -> None:
        """Let them come.

        Raises:
            InputError: what they are to do can't be used.
            StackError: they don't come.
        """

    def answers(self, last_s: float) -> Mapping[str, int]:
        """How often they were answered what in the last `last_s` seconds: `ok`, or why it failed.

        What is told comes every 200 ms, so that much may be missing.
        """

    async def stop(self) -> None:
        """Send them away. Idempotent; does no harm where they never came.

        Raises:
            StackError: they can't be ended.
        """


class Stack(Protocol):
    """The system under drill."""

    @property
    def database(self) -> Database:
        """Its PostgreSQL server."""

    @property
    def cache(self) -> Cache:
        """Its Redis server."""

    @property
    def provider(self) -> Provider:
        """The service's external provider."""

    @property
    def platform(self) -> Platform:
        """What deploys and supervises the app."""

    @property
    def url(self) -> str:
        """Where customers reach the app, such as `http://127.0.0.1:8080`."""


@runtime_checkable
class Floodable(Protocol):
    """A stack to which more than its ordinary customers can come."""

    def flood(self, behaviour: str, *, network: str, users: int, rate_per_s: float) -> Flood:
        """Clients who are yet to come.

        Args:
            behaviour: the name of what they do, one of the app's floods.
            network: where their addresses are from, such as `127.0.2.0/24`; they share them where there are
                fewer than users.
            users: how many there are.
            rate_per_s: the bound on the requests of all together.

        Raises:
            InputError: the app has no such flood.
        """


# --------------------------------------------------------------------------- signals


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look at the system showed; `detail` says why it is bad."""

    good: bool
    detail: str = ""


class Probe(Protocol):
    """An out-of-band check. One look is one call; the prober gives the cadence and the deadline.

    `observe` returns what it saw; whatever it raises counts as bad. Looks may overlap: `observe` must not
    wait for an earlier one. A look that takes longer than `deadline_s` is abandoned and bad; one that is
    good but took longer than `slow_s` is bad too.
    """

    sli: str
    deadline_s: float
    slow_s: float

    async def observe(self) -> Observation:
        """One look at the system."""

    async def close(self) -> None:
        """Let go of what the looks hold open."""


# --------------------------------------------------------------------------- faults and scenarios


class Fault(Protocol):
    """One way to break the stack. A fault carries its own undo."""

    name: str

    async def inject(self, stack: Stack) -> None:
        """Break the stack."""

    async def confirm(self, stack: Stack) -> str:
        """Evidence, from the part itself, that the fault has taken.

        Raises:
            FaultNotTaken: there is none.
        """

    async def cause(self, stack: Stack) -> str | None:
        """Evidence that the cause is still there, or None if it is gone."""

    async def heal(self, stack: Stack) -> None:
        """Undo the fault, whatever is left of it. Does no harm where nothing is left."""


@dataclass(frozen=True, slots=True)
class Setup:
    """In what a variant's stack differs from the ordinary one, before any fault. Backends bring it about.

    `variables` are the service's, beside those that the stack itself needs. `releases` are the history,
    oldest first; the last one serves; empty stands for the ordinary history. `database` and `cache` are
    settings of the servers, by their own names. `health_checked` says whether the platform waits for the
    service's health before it switches to a deployment; `restart_limit` is how often it starts a replica
    that failed again, and `limits` what each may use. `sessions_database` is the number of the Redis
    database in which the service keeps what is not cache.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    releases: tuple[str, ...] = ()
    replicas: int = 1
    database: Mapping[str, str] = field(default_factory=dict)
    cache: Mapping[str, str] = field(default_factory=dict)
    health_checked: bool = True
    restart_limit: int = 10
    limits: Limits = field(default_factory=Limits)
    sessions_database: int = 1


@dataclass(frozen=True, slots=True)
class Variant:
    """One way in which a documented failure happens.

    `fault` makes a fresh fault for each drill; `cure` says in a sentence what really cures it, and
    `reference_cure` does it (the same thing a well-informed engineer would do). `setup` is the stack that
    it happens on. `needs` is what it needs of a stack, in words of `app.NEEDS`, beside its scenario's.
    """

    name: str
    summary: str
    fault: Callable[[], Fault]
    cure: str
    reference_cure: Callable[[Stack, Fault], Awaitable[None]]
    setup: Setup = field(default_factory=Setup)
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A documented failure: how it is brought about, and how one sees that it is there.

    `probes` makes the scenario's own probes (its truth), beside the service's. `section` is the title of
    the runbook's section in the packaged plan's runbook; `severity` counts where the runbook gives none.
    `needs` is what every variant of it needs of a stack.
    """

    name: str
    title: str
    severity: str
    section: str
    symptoms: tuple[str, ...]
    probes: Callable[[Stack], Sequence[Probe]]
    variants: tuple[Variant, ...]
    needs: tuple[str, ...] = ()


# --------------------------------------------------------------------------- responders


class Watch(Protocol):
    """What a responder may know of the SLIs."""

    def holds(self, window_s: float) -> bool:
        """Whether every SLI has been good throughout the last `window_s` seconds."""

    def bad_fraction(self, since: float, until: float) -> float:
        """The fraction of the samples from `since` to `until` (monotonic seconds) that are bad."""

    async def wait_until_holds(self, window_s: float, deadline_s: float) -> bool:
        """Wait until `holds`; False when `deadline_s` passes first."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of the runbook as this drill would carry it out.

    `run` is the command with its placeholders filled, or empty for a manual step that the plan binds to no
    command; `bound` says that the plan gave the command; `unfilled` names the placeholders without a rule.
    `expect` is a regular expression that the command's output must match for the step to be answered, or
    empty; `leads_to` is the section whose steps come next in its place; `manual` why only a human can do it.
    `left_out` says that this drill is to see what comes of it without the step.
    """

    step: Step
    run: str = ""
    bound: bool = False
    unfilled: tuple[str, ...] = ()
    expect: str = ""
    leads_to: str = ""
    manual: str = ""
    left_out: bool = False


class Responder(Protocol):
    """Who acts. It sees what an on-call engineer sees, and never the fault."""

    name: str

    async def respond(self) -> None:
        """Act until there is nothing left to do."""
