"""The cache of the local stack: a real Redis server."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from drillbook.process import Process, listens

_BOOT_DEADLINE_S = 10.0


class Redis:
    """A Redis server; see `protocols.Cache`.

    Args:
        program: the server's program.
        scratch: a directory for its data.
        log: its log file.
        port: the TCP port on 127.0.0.1.
    """

    def __init__(self, program: Path, *, scratch: Path, log: Path, port: int = 6379) -> None:
        self._program = program
        self._folder = scratch / "redis"
        self._log = log
        self._port = port
        self._password = secrets.token_hex(12)
        self._process: Process | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be read in a journal."""
        return (self._password,)

    @property
    def pid(self) -> int | None:
        """The server's process id."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the server and wait until it listens.

        Raises:
            StackError: it does not.
        """
        self._folder.mkdir()
        configuration = self._folder / "redis.conf"
        # In a file, so that the password is on no command line.
        configuration.write_text(
            f"port {self._port}\nbind 127.0.0.1\nrequirepass {self._password}\n"
            f'dir {self._folder}\nsave ""\nappendonly no\n'
        )
        self._process = await Process.start(
            "redis", [str(self._program), str(configuration)], log=self._log, env={"PATH": os.defpath}
        )
        ready = listens(self._port)
        await self._process.wait_until(ready, deadline_s=_BOOT_DEADLINE_S, what="listens")

    async def stop(self) -> None:
        """End the server. Idempotent."""
        if self._process is not None:
            await self._process.end()

    def url(self, database: int = 0) -> str:
        """The connection URL of a numbered database."""
        return f"redis://default:{self._password}@127.0.0.1:{self._port}/{database}"
