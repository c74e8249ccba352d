from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from drillbook.desk import near


def test_a_socket_deep_in_the_file_system_is_reached_and_is_nobody_else_s(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30) / ("deeper" * 20)
    folder.mkdir(parents=True)

    async def both() -> bytes:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"here\n")
            writer.close()

        server = await near.serve(folder / "a.sock", greet)
        async with server:
            reader, writer = await near.connect(folder / "a.sock")
            line = await asyncio.wait_for(reader.readline(), 5)
            writer.close()
        return line

    assert len(str(folder)) > 108
    assert asyncio.run(both()) == b"here\n"
    assert stat.S_IMODE((folder / "a.sock").stat().st_mode) == 0o600


def test_where_nobody_serves_there_is_no_connection(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        asyncio.run(near.connect(tmp_path / "none.sock"))
