"""Unix sockets whose path may be longer than an address can hold: they are reached by their directory.

It knows nothing of what is said over them.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_DESCRIPTORS = Path("/proc/self/fd")
_MODE = 0o600

Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def address(path: Path) -> Iterator[str]:
    """A short address of the socket `path`, for as long as this lasts; where there is no /proc, `path`.

    Raises:
        OSError: its directory is not there.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield str(_DESCRIPTORS / str(folder) / path.name) if _DESCRIPTORS.is_dir() else str(path)
    finally:
        os.close(folder)


async def serve(path: Path, served: Served, *, limit: int = 1 << 20) -> asyncio.Server:
    """Take connections at `path` from now on, from nobody but this user.

    Raises:
        OSError: the socket can't be made.
    """
    path.unlink(missing_ok=True)  # noqa: ASYNC240  it is at once
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with address(path) as short:
            before = os.umask(0o777 & ~_MODE)  # from its first moment on it is nobody else's
            try:
                listener.bind(short)
            finally:
                os.umask(before)
        return await asyncio.start_unix_server(served, sock=listener, limit=limit)
    except BaseException:
        listener.close()
        raise


async def connect(path: Path, *, limit: int = 1 << 20) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to whoever serves at `path`.

    Raises:
        OSError: nobody does.
    """
    with address(path) as short:
        return await asyncio.open_unix_connection(short, limit=limit)
