"""The app's connections: statements are bounded from the app's side, and what is lent comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg_pool import PoolTimeout
from tests.app.servers import Site

from shop.config import Settings
from shop.database import Database


@asynccontextmanager
async def database(site: Site, **variables: str) -> AsyncIterator[Database]:
    made = Database(Settings.read(site.environment(variables), "test"))
    await made.open()
    try:
        yield made
    finally:
        await made.close()


def test_a_statement_that_takes_too_long_is_cancelled_and_the_connection_goes_on(site: Site) -> None:
    async def check() -> None:
        async with database(site, DB_STATEMENT_TIMEOUT_MS="200") as opened, opened.transaction() as lent:
            began = time.monotonic()
            with pytest.raises(psycopg.errors.QueryCanceled):
                await lent.execute("SELECT pg_sleep(30)")
            assert 0.2 <= time.monotonic() - began < 5.0  # 0.22 s on an idle machine
            await lent.rollback()
            assert await (await lent.execute("SELECT 1")).fetchone() == (1,)

    asyncio.run(check())


def test_the_server_is_asked_for_no_timer_of_its_own(site: Site) -> None:
    async def check() -> None:
        async with database(site) as opened, opened.transaction() as lent:
            assert await (await lent.execute("SHOW statement_timeout")).fetchone() == ("0",)

    asyncio.run(check())


def test_what_is_lent_is_missing_until_it_is_taken_back(site: Site) -> None:
    async def check() -> None:
        async with database(site, DB_POOL_SIZE="1", DB_POOL_TIMEOUT="0.2") as opened:
            lent = await opened.lend(timeout_s=5.0)
            with pytest.raises(PoolTimeout):
                await opened.lend()
            await opened.take_back(lent)
            await opened.ping(timeout_s=5.0)

    asyncio.run(check())
