"""The control's socket: who may order, what an order is, and what is answered."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import pytest

from drillbook.errors import InputError
from drillbook.gameday.control import Control, named, order


class _Day:
    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []

    def take(self, what: str, who: str) -> str:
        self.taken.append((what, who))
        return "it is paused already" if len(self.taken) > 1 else ""


async def _raw(path: Path, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    answer = await reader.readline()
    writer.close()
    return answer


def test_an_order_reaches_the_day_with_the_name_of_who_gave_it() -> None:
    async def scene() -> None:
        day = _Day()
        control = Control(day.take)
        await control.start()
        try:
            assert await order(control.path, "pause", "the facilitator") == ""
            assert await order(control.path, "pause", "a spectator") == "it is paused already"
        finally:
            await control.close()
        assert day.taken == [("pause", "the facilitator"), ("pause", "a spectator")]

    asyncio.run(scene())


def test_the_socket_is_its_owners_alone_and_gone_afterwards() -> None:
    async def scene() -> None:
        control = Control(_Day().take)
        await control.start()
        assert stat.S_IMODE(control.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(control.path.parent.stat().st_mode) == 0o700
        assert len(str(control.path)) < 100
        await control.close()
        assert not control.path.parent.exists()
        with pytest.raises(InputError, match="takes no orders any more"):
            await order(control.path, "abort", "somebody")

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"abort\n", "not a line of JSON"),
        (b'{"order": "explode"}\n', "must be one of pause, resume, abort"),
        (b'["abort"]\n', "must be one of"),
        (b'{"order": ["abort"]}\n', "must be one of"),
    ],
)
def test_what_is_no_order_is_refused_and_never_reaches_the_day(line: bytes, error: str) -> None:
    async def scene() -> None:
        day = _Day()
        control = Control(day.take)
        await control.start()
        try:
            answer = json.loads(await _raw(control.path, line))
        finally:
            await control.close()
        assert answer["ok"] is False
        assert error in answer["error"]
        assert day.taken == []

    asyncio.run(scene())


def test_a_line_without_end_closes_its_connection_and_no_other() -> None:
    async def scene() -> None:
        day = _Day()
        control = Control(day.take)
        await control.start()
        try:
            assert await _raw(control.path, b"x" * 100_000) == b""
            assert await order(control.path, "abort", "me") == ""
        finally:
            await control.close()

    asyncio.run(scene())


def test_a_name_can_bring_no_escape_sequence_and_no_second_line() -> None:
    assert named("eve\x1b[2J\nmallory") == "eve [2J mallory"
    assert named(None) == "somebody"
    assert len(named("x" * 500)) == 80
