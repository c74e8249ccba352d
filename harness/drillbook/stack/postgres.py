"""The database of the local stack: a real PostgreSQL server on a copy of the ready data directory.

It knows the server's clock, which it can jump ahead, so that "older than 10 minutes" is true for the
server at once. It knows nothing of faults.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from drillbook.errors import StackError
from drillbook.process import Owner, Process, Program, listens
from drillbook.protocols import Connection
from drillbook.stack.template import DATABASE, Template
from drillbook.waiting import until

_USERS = {"superuser": "postgres", "app": "app", "reporting": "reporting"}
_BOOT_DEADLINE_S = 20.0
_CONNECT_DEADLINE_S = 5
_JUMP_DEADLINE_S = 5.0

# A drill's data is thrown away, so nothing needs to survive a crash of the machine; prepared transactions
# are on because a failure that is documented leaves one behind.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "60",
    "max_prepared_transactions": "10",
    "shared_buffers": "32MB",
    "jit": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
    # The server's own timers take the time in a signal handler, which libfaketime does not survive every
    # time; the one that no drill needs is off.
    "deadlock_timeout": "1h",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class Programs:
    """The server's programs, and libfaketime where the server's clock is to be jumped."""

    binaries: Path
    faketime: Path | None = None


class Postgres:
    """A PostgreSQL server; see `protocols.Database`.

    Args:
        template: the ready data directory to copy.
        programs: the server's programs.
        scratch: a directory for its data.
        log: its log file.
        port: the TCP port on 127.0.0.1.
        owner: whom to run as, where this process is root.
        settings: settings of the server beside a drill's usual ones.
    """

    def __init__(
        self,
        template: Template,
        programs: Programs,
        *,
        scratch: Path,
        log: Path,
        port: int = 5432,
        owner: Owner | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._template = template
        self._programs = programs
        self._data = scratch / "postgres"
        self._offset_file = scratch / "postgres-clock"
        self._offset_s = 0.0
        self._log = log
        self._port = port
        self._owner = owner
        self._settings = {**_SETTINGS, **(settings or {})}
        self._users = dict(_USERS)
        self._database = DATABASE
        self._process: Program | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be read in a journal."""
        return tuple(self._template.passwords.values())

    async def start(self) -> None:
        """Copy the data, start the server and wait until it answers.

        Raises:
            StackError: it does not.
        """
        await self._prepare()
        await self._write_offset()
        await self._serve()

    async def _prepare(self) -> None:
        """Bring its data to where it serves them."""
        await asyncio.to_thread(self._copy)

    async def _serve(self) -> None:
        argv = [str(self._programs.binaries / "postgres"), "-D", str(self._data), "-p", str(self._bound_port)]
        for name, value in self._settings.items():
            argv += ["-c", f"{name}={value}"]
        self._process = await self._launch(argv)
        ready = listens(self._port)
        await self._process.wait_until(ready, deadline_s=_BOOT_DEADLINE_S, what="listens")
        await self._process.wait_until(self._answers, deadline_s=_BOOT_DEADLINE_S, what="answers")

    @property
    def _bound_port(self) -> int:
        """The port that it listens at where it runs."""
        return self._port

    async def _launch(self, argv: Sequence[str]) -> Program:
        """Start the server's program."""
        return await Process.start(
            "postgres", argv, log=self._log, env=self._environment(), owner=self._owner
        )

    async def stop(self) -> None:
        """End the server; SIGQUIT, since SIGTERM would wait for its clients. Idempotent."""
        if self._process is not None:
            await self._process.end(signal.SIGQUIT)

    async def kill(self) -> None:
        """End the server at once and leave it down; its data stay. Does no harm where it is down."""
        await self.stop()

    async def revive(self) -> None:
        """Start a server that is down on the data that it had, and wait until it answers.

        Raises:
            StackError: it does not.
        """
        if self._process is None or self._process.exit_code is not None:
            await self._serve()

    @property
    def pid(self) -> int | None:
        """The postmaster's process id."""
        return self._process.pid if self._process else None

    def url(self, role: str = "superuser", *, database: str | None = None) -> str:
        """The connection URL of `role`: superuser, app or reporting."""
        password = quote(self._template.passwords[role], safe="")
        user, name = quote(self._users[role], safe=""), quote(database or self._database, safe="")
        return f"postgresql://{user}:{password}@127.0.0.1:{self._port}/{name}"

    async def connect(
        self, role: str = "superuser", *, name: str = "drillbook", database: str | None = None
    ) -> Connection:
        """A new autocommit connection; the caller closes it."""
        return await psycopg.AsyncConnection.connect(
            self.url(role, database=database),
            autocommit=True,
            application_name=name,
            connect_timeout=_CONNECT_DEADLINE_S,
        )

    async def age(self, seconds: float) -> None:
        """Make everything open on the server older by `seconds`.

        Jumps the server's clock where libfaketime is there, and waits honestly where it is not.

        Raises:
            StackError: the clock did not follow.
        """
        if self._programs.faketime is None:
            await asyncio.sleep(seconds)  # honest waiting is what was asked for
            return
        connection = await self.connect(name="drillbook-clock")
        try:
            before = await _now(connection)
            self._offset_s += seconds
            await self._write_offset()

            async def jumped() -> bool:
                return await _now(connection) - before >= seconds

            what = f"the server's clock jumps {seconds:g} s ahead"
            await until(jumped, deadline_s=_JUMP_DEADLINE_S, what=what)
        finally:
            await connection.close()

    async def _answers(self) -> bool:
        try:
            connection = await self.connect(name="drillbook-boot")
        except psycopg.OperationalError:
            return False
        await connection.close()
        return True

    def _copy(self) -> None:
        try:
            shutil.copytree(self._template.data, self._data, symlinks=True)
            self._data.chmod(0o700)
            if self._owner:
                for folder, _, files in os.walk(self._data):
                    os.chown(folder, self._owner.uid, self._owner.gid)
                    for file in files:
                        os.chown(Path(folder) / file, self._owner.uid, self._owner.gid)
        except (OSError, shutil.Error) as error:
            raise StackError(f"can't copy the ready data directory: {error}") from error

    def _environment(self) -> Mapping[str, str]:
        environment = {"PATH": os.defpath, "LC_ALL": "C"}
        if self._programs.faketime is not None:
            environment |= {
                "LD_PRELOAD": str(self._programs.faketime),
                "FAKETIME_TIMESTAMP_FILE": str(self._offset_file),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        return environment

    async def _write_offset(self) -> None:
        fresh = self._offset_file.with_suffix(".new")
        fresh.write_text(f"+{self._offset_s:g}\n")
        fresh.chmod(0o644)
        fresh.rename(self._offset_file)


async def _now(connection: Connection) -> float:
    cursor = await connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
    row = await cursor.fetchone()
    return float(row[0]) if row else 0.0
