"""The SQL probe against a real PostgreSQL server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from tests.signals.switch import samples

from drillbook.host import Host, make_ready
from drillbook.journal import Journal
from drillbook.protocols import Connection
from drillbook.signals.prober import Prober
from drillbook.signals.sql import SqlProbe
from drillbook.stack import template
from drillbook.stack.postgres import Postgres, Programs
from drillbook.waiting import until

LOCK = "SELECT 1 FROM stock WHERE sku = 'tea' FOR UPDATE"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with ExitStack() as keep:
        yield make_ready(sandboxed=False, jump_clock=False, keep=keep)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A directory into which an unprivileged server can reach."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return tmp_path


def with_server(host: Host, scratch: Path, scene: Callable[[Postgres], Awaitable[None]]) -> None:
    """Carry out `scene` on a server that has one table."""

    async def run() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        ready = template.load(host.template)
        assert ready is not None
        programs = Programs(Path(host.programs.postgres).parent)
        server = Postgres(
            ready, programs, scratch=scratch, log=scratch / "postgres.log", port=port, owner=host.owner
        )
        await server.start()
        try:
            async with asyncio.timeout(20):
                await tell(server, "CREATE TABLE stock (sku text); INSERT INTO stock VALUES ('tea')")
                await scene(server)
        finally:
            await server.stop()

    asyncio.run(run())


async def tell(server: Postgres, sql: str) -> None:
    async with await server.connect(name="test") as connection:
        await connection.execute(sql.encode())


def probing(server: Postgres, sql: str = LOCK, slow_s: float = 0.2) -> SqlProbe:
    return SqlProbe("stock", lambda: server.connect(name="probe"), sql, slow_s=slow_s, deadline_s=0.5)


async def sessions(server: Postgres, state: str = "%") -> int:
    async with await server.connect(name="test") as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'probe' AND state LIKE %s",
            (state,),
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


def test_a_statement_that_succeeds_is_good_and_its_connection_is_used_again(
    host: Host, scratch: Path
) -> None:
    async def scene(server: Postgres) -> None:
        probe = probing(server)
        for _ in range(5):
            assert (await probe.observe()).good
        assert await sessions(server) == 1
        await probe.close()

    with_server(host, scratch, scene)


def test_a_statement_that_fails_is_bad_with_the_first_line_of_what_the_server_says(
    host: Host, scratch: Path
) -> None:
    async def scene(server: Postgres) -> None:
        probe = probing(server, "SELECT nothing\nFROM nowhere")
        seen = await probe.observe()
        assert (seen.good, seen.detail) == (False, 'relation "nowhere" does not exist')
        await probe.close()

    with_server(host, scratch, scene)


def test_a_held_lock_is_bad_at_once_after_the_slow_limit_and_sessions_do_not_pile_up(
    host: Host, scratch: Path, tmp_path: Path
) -> None:
    async def scene(server: Postgres) -> None:
        journal = Journal(tmp_path / "journal.jsonl")
        prober = Prober(journal, [probing(server)], interval_s=0.04)
        await prober.start()
        assert await prober.signals.wait_until_holds(0.2, 5)
        async with await server.connect(name="holder") as holder, holder.transaction():
            await holder.execute(LOCK)
            assert await prober.signals.wait_until_bad(2)
            assert not await prober.signals.wait_until_holds(0.1, 0.6)
            # Five or six intervals make the slow limit; none of the looks outlives it by much.
            assert await sessions(server) <= 10
        assert await prober.signals.wait_until_holds(0.2, 2)
        await prober.stop()
        assert await sessions(server) == 0
        assert {s.detail for s in samples(journal) if not s.good} == {
            "canceling statement due to statement timeout"
        }
        journal.close()

    with_server(host, scratch, scene)


def test_a_kept_connection_that_was_ended_meanwhile_does_not_make_a_look_bad(
    host: Host, scratch: Path
) -> None:
    async def scene(server: Postgres) -> None:
        probe = probing(server)
        assert (await probe.observe()).good
        await tell(
            server,
            "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE application_name = 'probe'",
        )
        assert (await probe.observe()).good
        await probe.close()

    with_server(host, scratch, scene)


def test_a_look_that_is_cancelled_gives_up_its_connection_without_waiting_for_the_server(
    host: Host, scratch: Path
) -> None:
    async def scene(server: Postgres) -> None:
        probe = probing(server, "SELECT pg_sleep(10)", slow_s=9.0)
        look = asyncio.create_task(probe.observe())

        async def runs() -> bool:
            return await sessions(server, state="active") == 1

        await until(runs, deadline_s=5, what="the statement runs")
        look.cancel()
        async with asyncio.timeout(1):
            await asyncio.wait([look])
            assert look.cancelled()
            await probe.close()
        assert probe._idle == []

    with_server(host, scratch, scene)


def test_a_server_that_is_away_raises_its_reason() -> None:
    async def refuse() -> Connection:
        return await psycopg.AsyncConnection.connect("postgresql://x@127.0.0.1:1/x", connect_timeout=2)

    with pytest.raises(psycopg.OperationalError, match=r"[Cc]onnection refused"):
        asyncio.run(SqlProbe("stock", refuse, LOCK).observe())
