"""The faults of stuck transactions on a real server: each takes, does not heal by itself, and is cured.

The oracle is tested with them: good before the fault, bad under it, still bad after doing nothing, good
after the reference cure. A fault by a release needs the whole stack; the functional tests have it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from drillbook.errors import FaultNotTaken
from drillbook.faults.open_transaction import OpenTransaction
from drillbook.host import Host, make_ready
from drillbook.protocols import Cache, Platform, Provider, Stack, Variant
from drillbook.registry import scenario
from drillbook.stack.postgres import Postgres, Programs
from drillbook.stack.template import load

SCENARIO = scenario("stuck-transactions")
BY_SESSION = [variant for variant in SCENARIO.variants if variant.name != "reopened-by-code"]
# The kill query that runbooks hand around.
KILL = (
    b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    b" WHERE state = 'idle in transaction' AND query_start < now() - interval '10 minutes'"
)
CURED_BY_KILL = {"idle-past-threshold", "blocked-schema-change", "other-role"}
NEVER_KILLED_BY_THE_APP = {"blocked-schema-change", "other-role"}


@dataclass
class DatabaseOnly:
    """A stack that has a database and nothing else."""

    database: Postgres
    url: str = ""

    @property
    def cache(self) -> Cache:
        raise AssertionError("these faults need no cache")

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
    )
    try:
        await server.start()
        app = await server.connect("app")
        await app.execute("CREATE TABLE products (sku text PRIMARY KEY, on_hand bigint)")
        await app.execute("INSERT INTO products VALUES ('tea-001', 1), ('tea-002', 1)")
        await app.close()
        yield DatabaseOnly(server)
    finally:
        await server.stop()
        shutil.rmtree(scratch)


async def truth(on: Stack) -> bool:
    """One look of the scenario's own probe."""
    probe = SCENARIO.probes(on)[0]
    try:
        async with asyncio.timeout(5):
            return (await probe.observe()).good
    except (TimeoutError, psycopg.Error):
        return False
    finally:
        await probe.close()


async def kill(on: Stack, role: str) -> None:
    connection = await on.database.connect(role, name="operator")
    try:
        await connection.execute(KILL)
    finally:
        await connection.close()


@pytest.mark.parametrize("variant", BY_SESSION, ids=lambda variant: variant.name)
def test_a_fault_takes_stays_and_is_cured_by_its_reference_cure(
    host: Host, tmp_path: Path, variant: Variant
) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            assert await truth(on), "good before the fault"
            fault = variant.fault()
            await fault.inject(on)
            assert await fault.confirm(on)
            assert not await truth(on), "bad under it"
            assert await fault.cause(on) is not None
            assert not await truth(on), "still bad after doing nothing"
            await variant.reference_cure(on, fault)
            assert await truth(on), "good after the cure"
            assert await fault.cause(on) is None
            await fault.heal(on)  # once more does no harm

    asyncio.run(check())


@pytest.mark.parametrize("variant", BY_SESSION, ids=lambda variant: variant.name)
def test_what_the_kill_query_cures_as_superuser_is_what_is_known_of_it(
    host: Host, tmp_path: Path, variant: Variant
) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            fault = variant.fault()
            await fault.inject(on)
            await kill(on, "superuser")
            assert await truth(on) is (variant.name in CURED_BY_KILL)
            assert (await fault.cause(on) is None) is (variant.name in CURED_BY_KILL)
            await fault.heal(on)

    asyncio.run(check())


@pytest.mark.parametrize("variant", BY_SESSION, ids=lambda variant: variant.name)
def test_as_the_app_s_role_it_cures_only_the_app_s_own_sessions(
    host: Host, tmp_path: Path, variant: Variant
) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            fault = variant.fault()
            await fault.inject(on)
            await kill(on, "app")
            cured = variant.name in CURED_BY_KILL - NEVER_KILLED_BY_THE_APP
            assert await truth(on) is cured
            await fault.heal(on)

    asyncio.run(check())


def test_a_fault_whose_session_ended_before_it_was_confirmed_has_not_taken(
    host: Host, tmp_path: Path
) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            fault = BY_SESSION[0].fault()
            await fault.inject(on)
            await kill(on, "superuser")
            with pytest.raises(FaultNotTaken, match="gone"):
                await fault.confirm(on)
            await fault.heal(on)

    asyncio.run(check())


def test_a_fault_that_holds_no_lock_has_not_taken(host: Host, tmp_path: Path) -> None:
    async def check() -> None:
        async with stack(host, tmp_path / "log") as on:
            fault = OpenTransaction("harmless", ["BEGIN", "SELECT 1"])
            await fault.inject(on)
            with pytest.raises(FaultNotTaken, match="0 locks"):
                await fault.confirm(on)
            await fault.heal(on)

    asyncio.run(check())
