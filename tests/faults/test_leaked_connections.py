"""Connections that another client leaks, on a real server: nobody else gets in, and only ending them helps.

The oracle of the scenario is tested with them: good before the fault, bad under it, good after the cure.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from tests.faults.test_stuck_transactions import KILL, DatabaseOnly

from drillbook.errors import FaultNotTaken
from drillbook.faults.leaked_connections import LeakedConnections
from drillbook.host import Host, make_ready
from drillbook.protocols import Stack, Variant
from drillbook.registry import scenario
from drillbook.stack.postgres import Postgres, Programs
from drillbook.stack.template import load
from drillbook.waiting import until

SCENARIO = scenario("connections-exhausted")
WITH_RESERVE = [variant for variant in SCENARIO.variants if variant.name != "reserve-full"]
RESERVE_FULL = next(variant for variant in SCENARIO.variants if variant.name == "reserve-full")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """This machine without a sandbox, with a cache of the tests' own."""
    with ExitStack() as keep, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        return make_ready(sandboxed=False, jump_clock=True, keep=keep)


@asynccontextmanager
async def stack(host: Host, log: Path) -> AsyncIterator[DatabaseOnly]:
    template = load(host.template)
    assert template is not None
    scratch = host.make_scratch()
    faketime = Path(host.programs.faketime) if host.programs.faketime else None
    server = Postgres(
        template,
        Programs(Path(host.programs.postgres).parent, faketime),
        scratch=scratch,
        log=log,
        port=host.ports().postgres,
        owner=host.owner,
        settings={"max_connections": "12"},
    )
    try:
        await server.start()
        app = await server.connect("app")
        await app.execute("CREATE TABLE products (sku text PRIMARY KEY)")
        await app.close()
        yield DatabaseOnly(server)
    finally:
        await server.stop()
        shutil.rmtree(scratch)


async def truth(on: Stack) -> bool:
    """One look of the scenario's own probe."""
    probe = SCENARIO.probes(on)[0]
    try:
        return (await asyncio.wait_for(probe.observe(), 5)).good
    finally:
        await probe.close()


async def as_superuser(on: Stack, statement: bytes) -> None:
    operator = await on.database.connect(name="operator")
    try:
        await operator.execute(statement)
    finally:
        await operator.close()


@pytest.mark.parametrize("variant", SCENARIO.variants, ids=lambda variant: variant.name)
def test_it_takes_every_slot_stays_and_is_cured_by_its_reference_cure(
    host: Host, tmp_path: Path, variant: Variant
) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            assert await truth(on), "good before the fault"
            fault = variant.fault()
            await fault.inject(on)
            assert "refused" in await fault.confirm(on)
            assert not await truth(on), "bad under it"
            assert await fault.cause(on) is not None
            await variant.reference_cure(on, fault)
            assert await fault.cause(on) is None
            assert await truth(on), "good after the cure"
            await fault.heal(on)  # once more does no harm

    asyncio.run(check())


@pytest.mark.parametrize("variant", WITH_RESERVE, ids=lambda variant: variant.name)
def test_the_kill_query_cures_only_sessions_that_are_idle_in_transaction(
    host: Host, tmp_path: Path, variant: Variant
) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            fault = variant.fault()
            await fault.inject(on)
            await as_superuser(on, KILL)
            cured = variant.name == "idle-in-transaction"

            async def gone() -> bool:
                return await fault.cause(on) is None

            if cured:  # the server ends sessions a moment after it was told to
                await until(gone, deadline_s=5, what="the sessions end")
            assert await gone() is cured
            assert await truth(on) is cured
            await fault.heal(on)

    asyncio.run(check())


def test_with_the_reserve_full_not_even_a_superuser_gets_in_and_the_fault_still_sees(
    host: Host, tmp_path: Path
) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            fault = RESERVE_FULL.fault()
            await fault.inject(on)
            with pytest.raises(psycopg.OperationalError, match="too many clients already"):
                await on.database.connect(name="operator")
            assert await fault.cause(on) is not None
            await fault.heal(on)
            await as_superuser(on, b"SELECT 1")

    asyncio.run(check())


def test_it_takes_the_slots_of_the_app_although_that_logs_in_again_and_again(
    host: Host, tmp_path: Path
) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            held = [await on.database.connect("app", name="orders")]

            async def reconnect() -> None:
                while True:
                    with suppress(psycopg.OperationalError):
                        held.append(await on.database.connect("app", name="orders"))
                    await asyncio.sleep(0.01)

            reconnecting = asyncio.create_task(reconnect())
            fault = WITH_RESERVE[1].fault()
            await fault.inject(on)
            assert "one more is refused" in await fault.confirm(on)
            reconnecting.cancel()
            await asyncio.wait([reconnecting])
            watcher = await on.database.connect(name="operator")
            cursor = await watcher.execute("SELECT FROM pg_stat_activity WHERE application_name = 'orders'")
            assert cursor.rowcount == 0
            await fault.heal(on)
            for connection in (watcher, *held):
                await connection.close()

    asyncio.run(check())


def test_a_client_whose_sessions_were_ended_before_it_was_confirmed_has_not_taken(
    host: Host, tmp_path: Path
) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            fault = LeakedConnections("leak", age_s=0.0)
            await fault.inject(on)
            await as_superuser(
                on,
                b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                b" WHERE pid = (SELECT min(pid) FROM pg_stat_activity WHERE application_name = 'leak')",
            )
            with pytest.raises(FaultNotTaken, match="slots left"):
                await fault.confirm(on)
            await fault.heal(on)
            with pytest.raises(FaultNotTaken, match="0 sessions"):
                await fault.confirm(on)

    asyncio.run(check())
