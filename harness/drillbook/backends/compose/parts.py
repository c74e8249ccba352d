"""The parts of a compose stack: reached where they are published, ended and started by the engine."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

import psycopg
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from drillbook.backends.compose.project import Service
from drillbook.errors import NotApplicable, StackError
from drillbook.protocols import Connection, Deployment, Limits, Use
from drillbook.stack.provider import Provider
from drillbook.waiting import until

_DATABASE = "orders"
_USERS = {"superuser": "postgres", "app": "app", "reporting": "reporting"}
_CLOCK = "/var/lib/drillbook/clock"
_BOOT_DEADLINE_S = 30.0
_JUMP_DEADLINE_S = 5.0
_CONNECT_DEADLINE_S = 5
_ANSWER_DEADLINE_S = 2.0
_LOOK_S = 0.1
_PORTS = {"postgres": 5432, "redis": 6379, "provider": 8081, "app": 8000}


async def _until_back(service: Service, check: Callable[[], Awaitable[bool]]) -> None:
    what = f"{service.name} answers again"
    await until(check, deadline_s=_BOOT_DEADLINE_S, what=what, every_s=_LOOK_S)


class ComposeDatabase:
    """The project's PostgreSQL; see `protocols.Database`.

    Args:
        service: its service.
        wait: whether what can't be made old by a jump of the clock is waited for.
    """

    def __init__(self, service: Service, *, wait: bool = False) -> None:
        self.service = service
        self._wait = wait
        self._passwords = {role: service.variable(f"{role.upper()}_PASSWORD") for role in _USERS}
        self.jumped_s = 0.0

    def url(self, role: str = "superuser", *, database: str | None = None) -> str:
        """The connection URL of `role`, on this machine."""
        place = f"127.0.0.1:{self.service.published(_PORTS['postgres'])}"
        return f"postgresql://{_USERS[role]}:{quote(self._passwords[role])}@{place}/{database or _DATABASE}"

    async def connect(self, role: str = "superuser", *, name: str = "drillbook") -> Connection:
        """A new autocommit connection; the caller closes it."""
        return await psycopg.AsyncConnection.connect(
            self.url(role), autocommit=True, application_name=name, connect_timeout=_CONNECT_DEADLINE_S
        )

    async def setting(self, name: str) -> str:
        """What the server has for its setting `name`."""
        connection = await self.connect()
        try:
            row = await (await connection.execute("SELECT current_setting(%s)", (name,))).fetchone()
        finally:
            await connection.close()
        return str(row[0]) if row else ""

    async def age(self, seconds: float) -> None:
        """Make everything open on the server older by `seconds`: by its clock, or by waiting where allowed.

        Raises:
            NotApplicable: the image has no libfaketime, and waiting was not asked for.
            StackError: the clock did not follow.
        """
        code, said = await self.service.run(f"cat {_CLOCK}")
        if code != 0:
            await self._age_honestly(seconds)
            return
        connection = await self.connect(name="drillbook-clock")
        try:
            before = await _now(connection)
            ahead = float(said.strip().lstrip("+")) + seconds
            script = f"echo +{ahead:g} > {_CLOCK}.new && chmod 644 {_CLOCK}.new && mv {_CLOCK}.new {_CLOCK}"
            await self.service.run(script)
            self.jumped_s += seconds

            async def jumped() -> bool:
                return await _now(connection) - before >= seconds

            what = f"the database's clock jumps {seconds:g} s ahead"
            await until(jumped, deadline_s=_JUMP_DEADLINE_S, what=what)
        finally:
            await connection.close()

    async def _age_honestly(self, seconds: float) -> None:
        if not self._wait:
            raise NotApplicable(
                f"what is open is to be {seconds:g} s old, and the clock of this PostgreSQL can't be jumped",
                hint="use the Debian set of images, which has libfaketime, or wait with --wait",
            )

        connection = await self.connect(name="drillbook-clock")
        try:
            end = await _now(connection) + seconds

            async def passed() -> bool:
                return await _now(connection) >= end

            await until(passed, deadline_s=seconds + _JUMP_DEADLINE_S, what="the time passes", every_s=1.0)
        finally:
            await connection.close()

    async def kill(self) -> None:
        """End the server at once and leave it down."""
        await self.service.kill()

    async def revive(self) -> None:
        """Start a server that is down, and wait until it answers."""
        await self.service.start()
        await _until_back(self.service, self._answers)

    async def _answers(self) -> bool:
        try:
            await (await self.connect(name="drillbook-boot")).close()
        except psycopg.OperationalError:
            return False
        return True


async def _now(connection: Connection) -> float:
    row = await (await connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8")).fetchone()
    return float(row[0]) if row else 0.0


class ComposeCache:
    """The project's Redis; see `protocols.Cache`."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._passwords = {
            "default": service.variable("REDIS_PASSWORD"),
            "owner": service.variable("OWNER_PASSWORD"),
        }
        self.spare_password = secrets.token_hex(12)

    def url(self, database: int = 0, *, role: str = "app") -> str:
        """The connection URL of a numbered database, on this machine."""
        user = {"app": "default", "owner": "owner"}[role]
        place = f"127.0.0.1:{self.service.published(_PORTS['redis'])}"
        return f"redis://{user}:{quote(self._passwords[user])}@{place}/{database}"

    def client(self) -> Redis:
        """A client as the owner, who closes it."""
        return Redis.from_url(
            self.url(role="owner"),
            decode_responses=True,
            socket_timeout=_ANSWER_DEADLINE_S,
            socket_connect_timeout=_ANSWER_DEADLINE_S,
            retry=Retry(NoBackoff(), 0),
        )

    async def kill(self) -> None:
        """End the server at once and leave it down."""
        await self.service.kill()

    async def revive(self) -> None:
        """Start a server that is down, and wait until it answers."""
        if self.service.state["Running"]:
            return  # it may be busy with what a fault has it do
        await self.service.start()
        await _until_back(self.service, self._answers)

    async def _answers(self) -> bool:
        redis = self.client()
        try:
            await redis.ping()
        except (RedisError, OSError):
            return False
        finally:
            await redis.aclose()
        return True


class ComposeProvider(Provider):
    """The project's stub of the provider; see `protocols.Provider`."""

    def __init__(self, service: Service) -> None:
        self.service = service
        super().__init__(Path(), log=Path(), port=service.published(_PORTS["provider"]))

    async def kill(self) -> None:
        """End it, so that connections to it are refused."""
        await self.service.kill()

    async def revive(self) -> None:
        """Start it again where it is down; it is then as at the start."""
        await self.service.start()

        async def answers() -> bool:
            try:
                await self.mode()
            except StackError:
                return False
            return True

        await _until_back(self.service, answers)


class ComposePlatform:
    """What of a platform a compose stack has: one replica that can be looked at and frozen.

    See `protocols.Platform`. Whatever would deploy raises NotApplicable.

    Args:
        service: the app.
        others: the services that its variables name.
    """

    def __init__(self, service: Service, others: Sequence[Service] = ()) -> None:
        self.service = service
        self._others = others

    @property
    def url(self) -> str:
        """Where customers reach the app."""
        return f"http://127.0.0.1:{self.service.published(_PORTS['app'])}"

    def current(self) -> Deployment:
        """What serves now."""
        container, variables = self.service.container, self.variables()
        status = "SUCCESS" if container.attrs["State"]["Running"] else "CRASHED"
        created = str(container.attrs["Created"])
        release = variables.get("RELEASE", "")
        return Deployment(str(container.short_id), release, status, created, variables)

    def deployments(self) -> Sequence[Deployment]:
        """The one that serves."""
        return (self.current(),)

    def variables(self) -> Mapping[str, str]:
        """The service's variables, with the parts where this machine reaches them."""
        variables = self.service.environment
        for other in self._others:
            port = _PORTS[other.name]
            inside, outside = f"{other.name}:{port}", f"127.0.0.1:{other.published(port)}"
            variables = {name: value.replace(inside, outside) for name, value in variables.items()}
        return variables

    def tail(self, lines: int) -> Sequence[str]:
        """The last lines of its log, oldest first."""
        return self.service.tail(lines)

    async def pause(self) -> None:
        """Freeze it."""
        await self.service.pause()

    async def resume(self) -> None:
        """Let it go on."""
        await self.service.resume()

    async def paused(self) -> Sequence[int]:
        """The id of its process, where it is frozen."""
        state = self.service.state
        return (int(state["Pid"]),) if state["Paused"] else ()

    async def restart(self) -> NoReturn:
        """Not here."""
        _lacking("deployments")

    def limits(self) -> Limits:
        """None that a fault could change."""
        return Limits()

    def use(self) -> Sequence[Use]:
        """Nothing is measured."""
        return ()

    async def deploy(
        self, release: str, *, variables: Mapping[str, str] | None = None, deadline_s: float = 20.0
    ) -> NoReturn:
        """Not here."""
        del release, variables, deadline_s
        _lacking("deployments")

    async def rollback(self, deployment_id: str | None = None) -> NoReturn:
        """Not here."""
        del deployment_id
        _lacking("deployments")

    async def set_variables(self, values: Mapping[str, str]) -> NoReturn:
        """Not here."""
        del values
        _lacking("deployments")

    async def scale(self, replicas: int) -> NoReturn:
        """Not here."""
        del replicas
        _lacking("replicas")

    async def set_limits(self, limits: Limits, *, redeploy: bool = True) -> NoReturn:
        """Not here."""
        del limits, redeploy
        _lacking("limits")


def _lacking(what: str) -> NoReturn:
    raise NotApplicable(f"the compose stack has no platform (needs: {what})")
