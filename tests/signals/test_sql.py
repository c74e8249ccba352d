"""The SQL probe against a real PostgreSQL server."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
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


@dataclass
class Stage:
    """A server with one table, and the loop that it lives on."""

    server: Postgres
    loop: asyncio.Runner

    def play(self, scene: Callable[[Postgres], Coroutine[None, None, None]]) -> None:
        """Carry out `scene` under a deadline."""
        self.loop.run(asyncio.wait_for(scene(self.server), 20))


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with ExitStack() as keep:
        host = make_ready(sandboxed=False, jump_clock=False, keep=keep)
        # An unprivileged server must reach into it; pytest closes its own folders to all others.
        scratch = Path(keep.enter_context(tempfile.TemporaryDirectory(prefix="drillbook-test-")))
        scratch.chmod(0o755)
        loop = keep.enter_context(asyncio.Runner())
        server = make_server(host, scratch)
        keep.callback(lambda: loop.run(server.stop()))
        loop.run(server.start())
        loop.run(tell(server, "CREATE TABLE stock (sku text); INSERT INTO stock VALUES ('tea')"))
        yield Stage(server, loop)


def make_server(host: Host, scratch: Path) -> Postgres:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ready = template.load(host.template)
    assert ready is not None
    programs = Programs(Path(host.programs.postgres).parent)
    log = scratch / "postgres.log"
    return Postgres(ready, programs, scratch=scratch, log=log, port=port, owner=host.owner)


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


def test_a_statement_that_succeeds_is_good_and_its_connection_is_used_again(stage: Stage) -> None:
    async def scene(server: Postgres) -> None:
        probe = probing(server)
        for _ in range(5):
            assert (await probe.observe()).good
        assert await sessions(server) == 1
        await probe.close()

    stage.play(scene)


def test_a_statement_that_fails_is_bad_with_the_first_line_of_what_the_server_says(stage: Stage) -> None:
    async def scene(server: Postgres) -> None:
        probe = probing(server, "SELECT nothing\nFROM nowhere")
        seen = await probe.observe()
        assert (seen.good, seen.detail) == (False, 'relation "nowhere" does not exist')
        await probe.close()

    stage.play(scene)


def test_a_query_that_finds_no_row_is_bad_though_the_server_says_nothing(stage: Stage) -> None:
    async def scene(server: Postgres) -> None:
        probe = SqlProbe("stock", server.connect, "SELECT 1 FROM stock WHERE sku = 'coffee'")
        seen = await probe.observe()
        assert (seen.good, seen.detail) == (False, "the query found no row")
        await probe.close()
        probe = SqlProbe("stock", server.connect, "UPDATE stock SET sku = sku WHERE sku = 'coffee'")
        assert (await probe.observe()).good, "only a query is asked for rows"
        await probe.close()

    stage.play(scene)


def test_a_held_lock_is_bad_at_once_after_the_slow_limit_and_sessions_do_not_pile_up(
    stage: Stage, tmp_path: Path
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
        details = {sample.detail for sample in samples(journal) if not sample.good}
        assert "no answer within 0.2 s" in details
        journal.close()

    stage.play(scene)


def test_a_kept_connection_that_was_ended_meanwhile_does_not_make_a_look_bad(stage: Stage) -> None:
    async def scene(server: Postgres) -> None:
        probe = probing(server)
        assert (await probe.observe()).good
        await tell(
            server,
            "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE application_name = 'probe'",
        )
        assert (await probe.observe()).good
        await probe.close()

    stage.play(scene)


def test_a_look_that_is_cancelled_gives_up_its_connection_without_waiting_for_the_server(
    stage: Stage,
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

    stage.play(scene)


def test_a_server_that_is_away_raises_its_reason() -> None:
    async def refuse() -> Connection:
        return await psycopg.AsyncConnection.connect("postgresql://x@127.0.0.1:1/x", connect_timeout=2)

    with pytest.raises(psycopg.OperationalError, match=r"[Cc]onnection refused"):
        asyncio.run(SqlProbe("stock", refuse, LOCK).observe())
