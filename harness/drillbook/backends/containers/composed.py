"""A team's own stack in a drill's containers: a compose file's service as a recipe, and the servers' places.

It makes Drillbook's servers look like the team's, so that what the app is told of them holds as it stands.
It reads no compose file.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, LiteralString
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from drillbook.backends.containers.parts import ContainerPostgres, ContainerRedis
from drillbook.backends.containers.pod import LOOPBACK
from drillbook.composed import ComposeCache, ComposeDatabase, ComposeService, hidden
from drillbook.composefile.servers import script_text
from drillbook.errors import StackError
from drillbook.protocols import Connection

if TYPE_CHECKING:
    from docker import DockerClient

_MAINTENANCE = "postgres"  # the database that every cluster has
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def argv_of(client: DockerClient, service: ComposeService) -> tuple[str, ...]:
    """The command line of `service`, of whose image the engine knows the rest.

    An entrypoint of the compose file's own takes the place of the image's, and of its command.

    Raises:
        StackError: nobody says a command.
    """
    config = client.images.get(service.image).attrs["Config"]
    entrypoint, command = _words(config.get("Entrypoint")), _words(config.get("Cmd"))
    if service.entrypoint is not None:
        entrypoint, command = service.entrypoint, ()
    argv = (*entrypoint, *(command if service.command is None else service.command))
    if not argv:
        raise StackError(f"neither the compose file nor the image says a command of {service.name!r}")
    return argv


def _words(value: Sequence[str] | str | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def options_of(service: ComposeService) -> dict[str, Any]:
    """What else docker-py is to be told of a container of `service`."""
    from docker.types import Mount  # noqa: PLC0415  an extra, and slow to import

    options: dict[str, Any] = {"init": True} if service.init else {}
    if service.working_dir:
        options["working_dir"] = service.working_dir
    mounts = []
    for mount in service.mounts:
        kind: Literal["bind", "tmpfs", "volume"] = (
            "bind" if mount.source else "tmpfs" if mount.in_memory else "volume"
        )
        mounts.append(Mount(mount.target, mount.source or None, type=kind, read_only=bool(mount.source)))
    return {**options, "mounts": mounts} if mounts else options


def at(url: str, host: str, port: int) -> str:
    """`url` as it is where the server is another host."""
    parts = urlsplit(url)
    who, sign, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{who}{sign}{host}:{port}").geturl()


class ComposedRedis(ContainerRedis):
    """A Redis in the place of a team's: with its settings, and its password or none.

    Args:
        theirs: the team's.
        settings: settings beside a drill's usual ones and the team's.
        others: see `parts.ContainerRedis`.
    """

    def __init__(self, theirs: ComposeCache, *, settings: Mapping[str, str], **others: Any) -> None:
        super().__init__(settings={**theirs.settings, **settings}, password=theirs.password, **others)
        self._theirs = theirs

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be read in a journal."""
        ours = (self._passwords["owner"], self.spare_password)
        return (*ours, *hidden(self._theirs.password, self._theirs.names))


class ComposedPostgres(ContainerPostgres):
    """A PostgreSQL in the place of a team's: with its settings, its user and database, and its scripts run.

    Until `end_setup` the app's user may do everything, as in the official image whoever makes the schema may;
    from then on it owns its database and no more, as whoever serves on a platform.

    Args:
        theirs: the team's.
        settings: settings beside a drill's usual ones and the team's.
        others: see `parts.ContainerPostgres`.
    """

    def __init__(self, theirs: ComposeDatabase, *, settings: Mapping[str, str], **others: Any) -> None:
        super().__init__(settings={**theirs.settings, **settings}, **others)
        self._theirs = theirs

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be read in a journal."""
        theirs = self._theirs
        return (*super().secrets, *hidden(theirs.password, (*theirs.names, theirs.user, theirs.database)))

    async def start(self) -> None:
        """Start the server and let it take the team's place.

        Raises:
            InputError: a script of the team's can't be read.
            StackError: it does not start, or a script of the team's fails.
        """
        await super().start()
        theirs = self._theirs
        try:
            await self._rename_roles()
            await self._rename_database()
            if theirs.trusts:
                await self._trust()
        except psycopg.Error as error:
            raise StackError(f"the database can't take the place of {theirs.names[0]!r}: {error}") from error
        for script in theirs.scripts:
            await self._run_script(Path(script))

    async def end_setup(self) -> None:
        """Take from the app's user what only its setup needed."""
        await self._do("ALTER ROLE {} NOSUPERUSER", self._theirs.user)

    async def _rename_roles(self) -> None:
        theirs, passwords = self._theirs, self._template.passwords
        if theirs.user == self._users["superuser"]:  # nobody may rename who they are logged in as
            await self._do("CREATE ROLE {} SUPERUSER LOGIN", "drill_superuser")
            await self._do_with("ALTER ROLE {} PASSWORD {}", "drill_superuser", passwords["superuser"])
            self._users["superuser"] = "drill_superuser"
            await self._do("ALTER ROLE {} RENAME TO {}", theirs.user, "drill_bootstrap")
        if theirs.user == self._users["reporting"]:
            await self._do("ALTER ROLE {} RENAME TO {}", theirs.user, "drill_reporting")
            self._users["reporting"] = "drill_reporting"
        if theirs.user != self._users["app"]:
            await self._do("ALTER ROLE {} RENAME TO {}", self._users["app"], theirs.user)
            self._users["app"] = theirs.user
        if theirs.password:
            await self._do_with("ALTER ROLE {} PASSWORD {}", theirs.user, theirs.password)
            passwords["app"] = theirs.password
        await self._do("ALTER ROLE {} SUPERUSER", theirs.user)

    async def _rename_database(self) -> None:
        before, after = self._database, self._theirs.database
        if before == after:
            return
        other = _MAINTENANCE
        if after == _MAINTENANCE:
            other = "drill_maintenance"
            await self._do("ALTER DATABASE {} RENAME TO {}", after, other)
        await self._do("ALTER DATABASE {} RENAME TO {}", before, after, database=other)
        self._database = after

    async def _do(self, statement: LiteralString, *names: str, database: str | None = None) -> None:
        await self._execute(statement, [sql.Identifier(name) for name in names], database)

    async def _do_with(self, statement: LiteralString, name: str, value: str) -> None:
        await self._execute(statement, [sql.Identifier(name), sql.Literal(value)])

    async def _execute(
        self, statement: LiteralString, words: Sequence[sql.Composable], database: str | None = None
    ) -> None:
        connection: Connection = await self.connect(name="drillbook-setup", database=database)
        try:
            await connection.execute(sql.SQL(statement).format(*words))
        finally:
            await connection.close()

    async def _trust(self) -> None:
        """Ask nobody for a password."""
        file = shlex.quote(str(self._data / "pg_hba.conf"))
        await self.container.run("sh", "-c", f"sed -i '1i host all all all trust' {file}")
        await self._do("SELECT pg_reload_conf()")

    async def _run_script(self, script: Path) -> None:
        """Run a script as the official image does when it makes the database: SQL by psql, else by bash."""
        theirs, password = self._theirs, self._template.passwords["app"]
        place = f"/drill/init/{script.name.removesuffix('.gz')}"
        await self.container.put(place, script_text(script))
        settings = {
            "PATH": f"{self._programs.binaries}:{_PATH}",
            "PGHOST": LOOPBACK,
            "PGPORT": str(self._bound_port),
            "PGUSER": theirs.user,
            "PGDATABASE": theirs.database,
            "PGPASSWORD": password,
            "POSTGRES_USER": theirs.user,
            "POSTGRES_DB": theirs.database,
            "POSTGRES_PASSWORD": password,
        }
        given = [f"{name}={value}" for name, value in settings.items()]
        psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", place]
        argv = ["bash", place] if script.suffix == ".sh" else psql
        try:
            await self.container.run("env", "-u", "LD_PRELOAD", *given, *argv)
        except StackError as error:
            reason = error.message.partition(": ")[2]
            raise StackError(f"the database's script fails: {reason}", path=script) from error
