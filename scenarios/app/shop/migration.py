"""The tables and the first products. Made when missing, and otherwise not touched.

A service that starts during an incident must not wait for the locks that the incident is about: whether
the tables are there is looked up in the catalog, which takes no lock on them.
"""

from __future__ import annotations

import asyncio

import psycopg
from psycopg_pool import PoolTimeout

from shop.database import Database
from shop.log import logger

_LOCK = 4200  # an advisory lock: replicas that start together make the tables one after the other
_RETRY_S = 0.5
_PRESENT = "SELECT to_regclass('products') IS NOT NULL AND to_regclass('orders') IS NOT NULL"
_TABLES = """
CREATE TABLE IF NOT EXISTS products (
    sku text PRIMARY KEY,
    name text NOT NULL,
    price_cents int NOT NULL,
    on_hand bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS orders (
    id uuid PRIMARY KEY,
    sku text NOT NULL REFERENCES products,
    quantity int NOT NULL,
    customer text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
"""
_ON_HAND = 1_000_000_000
_TEAS = (
    "Assam",
    "Bancha",
    "Ceylon",
    "Darjeeling",
    "Dragon Well",
    "Earl Grey",
    "Genmaicha",
    "Gunpowder",
    "Gyokuro",
    "Hojicha",
    "Jasmine",
    "Keemun",
    "Lapsang Souchong",
    "Matcha",
    "Nilgiri",
    "Oolong",
    "Pu-erh",
    "Sencha",
    "White Peony",
    "Yunnan",
)


async def migrate(database: Database) -> None:
    """Make the tables if they are missing; safe where several replicas do so at once.

    Raises:
        psycopg.Error: the database refused or is away.
    """
    async with database.transaction() as connection:
        cursor = await connection.execute(_PRESENT)
        if await cursor.fetchone() == (True,):
            return
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        await connection.execute(_TABLES)
        rows = [(f"tea-{number:03}", tea, 400 + 35 * number, _ON_HAND) for number, tea in enumerate(_TEAS, 1)]
        await connection.cursor().executemany(
            "INSERT INTO products VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING", rows
        )


async def migrate_when_possible(database: Database) -> None:
    """Migrate, and while the database is away, try again until it is back."""
    while True:
        try:
            await migrate(database)
        except (psycopg.OperationalError, PoolTimeout) as error:
            logger.warning("the database can't be migrated yet", extra={"data": {"reason": str(error)}})
            await asyncio.sleep(_RETRY_S)
        else:
            return
