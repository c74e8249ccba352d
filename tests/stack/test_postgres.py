"""The database of the local stack: its roles, and its clock."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from drillbook.errors import StackError
from drillbook.host import Host, make_ready
from drillbook.stack.postgres import Postgres, Programs
from drillbook.stack.template import load


@pytest.fixture
def host(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Host:
    """This machine without a sandbox, with a cache of the tests' own."""
    cache = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    with ExitStack() as keep:
        return make_ready(sandboxed=False, jump_clock=True, keep=keep)


@asynccontextmanager
async def serving(host: Host, log: Path, *, jump: bool = True) -> AsyncIterator[Postgres]:
    template = load(host.template)
    assert template is not None
    scratch = host.make_scratch()
    faketime = Path(host.programs.faketime) if jump and host.programs.faketime else None
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
        yield server
    finally:
        await server.stop()
        shutil.rmtree(scratch)


async def one(server: Postgres, sql: str, role: str = "superuser") -> object:
    async with await psycopg.AsyncConnection.connect(server.url(role), autocommit=True) as connection:
        cursor = await connection.execute(sql.encode())
        row = await cursor.fetchone()
        return row[0] if row else None


def test_each_role_is_what_its_name_says(host: Host, tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(host, tmp_path / "log") as server:
            is_superuser = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
            assert await one(server, is_superuser, "superuser") is True
            assert await one(server, is_superuser, "app") is False
            assert await one(server, is_superuser, "reporting") is False
            owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'orders'"
            assert await one(server, owner) == "app"

    asyncio.run(check())


def test_a_wrong_password_is_refused(host: Host, tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(host, tmp_path / "log") as server:
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                await psycopg.AsyncConnection.connect(server.url("app").replace("app:", "app:x"))

    asyncio.run(check())


def test_aging_makes_what_is_open_older_for_the_server_at_once(host: Host, tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(host, tmp_path / "log") as server:
            holder = await server.connect("app", name="holder")
            await holder.execute("BEGIN")
            await holder.execute("SELECT 1")
            began = asyncio.get_running_loop().time()
            await server.age(660)
            assert asyncio.get_running_loop().time() - began < 10  # and not eleven minutes
            age = (
                "SELECT extract(epoch FROM now() - query_start)::float8 FROM pg_stat_activity"
                " WHERE application_name = 'holder'"
            )
            seen = await one(server, age)
            assert isinstance(seen, float)
            assert 660 <= seen < 670
            await server.age(60)
            later = await one(server, age)
            assert isinstance(later, float)
            assert 720 <= later < 740
            await holder.close()

    asyncio.run(check())


def test_without_a_clock_to_jump_it_waits_honestly(host: Host, tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(host, tmp_path / "log", jump=False) as server:
            loop = asyncio.get_running_loop()
            began = loop.time()
            await server.age(0.5)
            assert 0.5 <= loop.time() - began < 5

    asyncio.run(check())


def test_a_template_that_is_torn_is_told_in_a_line(host: Host) -> None:
    roles = host.template / "roles.json"
    whole = roles.read_text()
    try:
        roles.write_text("{")
        with pytest.raises(StackError, match="can't be used"):
            load(host.template)
    finally:
        roles.write_text(whole)
