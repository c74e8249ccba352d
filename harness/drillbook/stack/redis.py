"""The cache of the local stack: a real Redis server."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from drillbook.errors import StackError
from drillbook.process import Process, Program, listens

_BOOT_DEADLINE_S = 10.0


class Redis:
    """A Redis server; see `protocols.Cache`.

    Args:
        program: the server's program.
        scratch: a directory for its data.
        log: its log file.
        port: the TCP port on 127.0.0.1.
        settings: settings of the server beside a drill's usual ones, by their names in `redis.conf`.
        password: that of the clients' user; None for one of the drill's own, empty for none.
    """

    _bind = "127.0.0.1"

    def __init__(
        self,
        program: Path,
        *,
        scratch: Path,
        log: Path,
        port: int = 6379,
        settings: Mapping[str, str] | None = None,
        password: str | None = None,
    ) -> None:
        self._program = program
        self._folder = scratch / "redis"
        self._log = log
        self._port = port
        self._settings = dict(settings or {})
        # The clients' user is `default`; nothing that befalls it keeps the server's owner out.
        first = secrets.token_hex(12) if password is None else password
        self._passwords = {"default": first, "owner": secrets.token_hex(12)}
        self.spare_password = secrets.token_hex(12)
        self._process: Program | None = None
        self._stopped = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be read in a journal."""
        return (*self._passwords.values(), self.spare_password)

    @property
    def pid(self) -> int | None:
        """The server's process id."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the server and wait until it listens.

        Raises:
            StackError: it does not.
        """
        # In a file, so that the password is on no command line; a later line counts before an earlier one.
        lines = [f"port {self._bound_port}", f"bind {self._bind}", *self._admission()]
        lines += [f"user owner on >{self._passwords['owner']} ~* &* +@all"]
        lines += [f"dir {self._folder}", 'save ""', "appendonly no"]
        lines += [f"{name} {value}" for name, value in self._settings.items()]
        self._configure("\n".join(lines) + "\n")
        await self._serve()

    def _admission(self) -> list[str]:
        """Whom it lets in."""
        password = self._passwords["default"]
        return [f"requirepass {_quoted(password)}"] if password else ["protected-mode no"]

    @property
    def _bound_port(self) -> int:
        """The port that it listens at where it runs."""
        return self._port

    def _configure(self, text: str) -> None:
        """Bring its configuration to where it reads it."""
        self._folder.mkdir()
        self._configuration.write_text(text)

    async def _serve(self) -> None:
        self._process = await self._launch([str(self._program), str(self._configuration)])
        ready = listens(self._port)
        await self._process.wait_until(ready, deadline_s=_BOOT_DEADLINE_S, what="listens")

    async def _launch(self, argv: Sequence[str]) -> Program:
        """Start the server's program."""
        return await Process.start("redis", argv, log=self._log, env={"PATH": os.defpath})

    async def stop(self) -> None:
        """End the server. Idempotent."""
        self._stopped = True
        # Its data end with the drill, and while a script keeps it busy it heeds no other signal.
        await self.kill()

    async def kill(self) -> None:
        """End the server at once, as SIGKILL does, and leave it down. Does no harm where it is down."""
        if self._process is not None:
            await self._process.end(signal.SIGKILL)

    async def revive(self) -> None:
        """Start a server that is down on what it has on disk, and wait until it listens.

        Raises:
            StackError: it does not, or was stopped for good.
        """
        if self._stopped:
            raise StackError("redis was stopped for good")
        if self._process is None or self._process.exit_code is not None:
            await self._serve()

    @property
    def _configuration(self) -> Path:
        return self._folder / "redis.conf"

    def url(self, database: int = 0, *, role: str = "app") -> str:
        """The connection URL of a numbered database; see `protocols.Cache.url`."""
        user = {"app": "default", "owner": "owner"}[role]
        password = quote(self._passwords[user], safe="")
        who = f"{user}:{password}@" if password else ""
        return f"redis://{who}127.0.0.1:{self._port}/{database}"


def _quoted(word: str) -> str:
    """A word of `redis.conf` that may have any character."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
