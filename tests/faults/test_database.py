"""The faults of the database as a whole, on a real server: it is down, or refuses to write."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from drillbook.errors import FaultNotTaken
from drillbook.faults.database_down import DatabaseDown
from drillbook.faults.read_only_database import ReadOnlyDatabase
from drillbook.host import Host, make_ready
from drillbook.invariants import Invariants
from drillbook.protocols import Platform, Provider
from drillbook.stack.postgres import Postgres, Programs
from drillbook.stack.redis import Redis
from drillbook.stack.template import load
from drillbook.waiting import until

BYSTANDERS = "sessions not meant to be killed are still there"


@dataclass
class Servers:
    """A stack that has a database and a cache."""

    database: Postgres
    cache: Redis
    url: str = ""

    @property
    def provider(self) -> Provider:
        raise AssertionError("these faults need no provider")

    @property
    def platform(self) -> Platform:
        raise AssertionError("these faults need no platform")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """This machine without a sandbox, with a cache of the tests' own."""
    with ExitStack() as keep, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        return make_ready(sandboxed=False, jump_clock=True, keep=keep)


@asynccontextmanager
async def servers(host: Host, folder: Path) -> AsyncIterator[Servers]:
    template = load(host.template)
    assert template is not None
    scratch = host.make_scratch()
    faketime = Path(host.programs.faketime) if host.programs.faketime else None
    database = Postgres(
        template,
        Programs(Path(host.programs.postgres).parent, faketime),
        scratch=scratch,
        log=folder / "postgres.log",
        port=host.ports().postgres,
        owner=host.owner,
    )
    cache = Redis(
        Path(host.programs.redis), scratch=folder, log=folder / "redis.log", port=host.ports().redis
    )
    try:
        await asyncio.gather(database.start(), cache.start())
        yield Servers(database, cache)
    finally:
        await asyncio.gather(database.stop(), cache.stop())
        shutil.rmtree(scratch)


def with_servers(host: Host, folder: Path, check: Callable[[Servers], Awaitable[None]]) -> None:
    async def drill() -> None:
        async with servers(host, folder) as on:
            await check(on)

    asyncio.run(drill())


async def run(on: Servers, *statements: str) -> None:
    connection = await on.database.connect(name="on-call")
    try:
        for statement in statements:
            await connection.execute(statement.encode())
    finally:
        await connection.close()


def test_a_database_that_is_down_stays_down_until_it_is_started(host: Host, tmp_path: Path) -> None:
    async def check(on: Servers) -> None:
        fault = DatabaseDown()
        assert await fault.cause(on) is None
        with pytest.raises(FaultNotTaken):
            await fault.confirm(on)
        await fault.inject(on)
        assert "onnection refused" in await fault.confirm(on)
        await on.database.revive()
        assert await fault.cause(on) is None
        await fault.heal(on)

    with_servers(host, tmp_path, check)


@pytest.mark.parametrize(
    "cure",
    [
        ("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"),
        ("ALTER SYSTEM SET default_transaction_read_only = off", "SELECT pg_reload_conf()"),
        ("ALTER ROLE app SET default_transaction_read_only = off",),
    ],
    ids=["reset", "set", "role"],
)
def test_a_read_only_database_answers_and_every_right_cure_removes_its_cause(
    host: Host, tmp_path: Path, cure: tuple[str, ...]
) -> None:
    async def check(on: Servers) -> None:
        fault = ReadOnlyDatabase()
        with pytest.raises(FaultNotTaken):
            await fault.confirm(on)
        await fault.inject(on)
        assert await fault.confirm(on) == "transactions of app are read-only"
        await run(on, "SELECT 1")
        await run(on, "SET default_transaction_read_only = off", *cure)

        async def gone() -> bool:
            return await fault.cause(on) is None

        await until(gone, deadline_s=5.0, what="the reload shows")
        await fault.heal(on)

    with_servers(host, tmp_path, check)


def test_sessions_that_the_fault_ended_are_no_cures_to_keep(host: Host, tmp_path: Path) -> None:
    async def check(on: Servers) -> None:
        fault, invariants = DatabaseDown(), Invariants(on, list)
        await invariants.note()
        await fault.inject(on)
        await invariants.excuse()
        await fault.heal(on)
        assert BYSTANDERS not in [checked.name for checked in await invariants.check()]
        await invariants.close()

    with_servers(host, tmp_path, check)


def test_sessions_that_a_cure_ended_are_told_of(host: Host, tmp_path: Path) -> None:
    async def check(on: Servers) -> None:
        fault, invariants = ReadOnlyDatabase(), Invariants(on, list)
        await invariants.note()
        await fault.inject(on)
        await invariants.excuse()
        held = {checked.name: checked.held for checked in await invariants.check()}
        assert held[BYSTANDERS]
        await run(on, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reporting'")
        held = {checked.name: checked.held for checked in await invariants.check()}
        assert not held[BYSTANDERS]
        await invariants.close()

    with_servers(host, tmp_path, check)
