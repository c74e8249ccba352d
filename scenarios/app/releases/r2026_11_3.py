"""Release 2026.11.3: the best-selling product's stock is audited on demand. A bad release.

The audit's connection is not in autocommit mode, so its first statement opens a transaction; nothing
commits it, and its lock on the product is held for as long as the audit listens for the next demand.
"""

from __future__ import annotations

import asyncio

import psycopg
from starlette.applications import Starlette

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.database import Connection
from shop.log import logger
from shop.main import build_app
from shop.service import Shop

BEST_SELLER = "tea-001"
_RECONNECT_S = 0.3


async def audit(connection: Connection) -> None:
    """Compare what is on hand with what was sold, while nothing of it can be sold."""
    cursor = await connection.execute(
        "SELECT on_hand FROM products WHERE sku = %s FOR UPDATE", (BEST_SELLER,)
    )
    row = await cursor.fetchone()
    cursor = await connection.execute(
        "SELECT coalesce(sum(quantity), 0) FROM orders WHERE sku = %s", (BEST_SELLER,)
    )
    sold = await cursor.fetchone()
    counts = {"on_hand": row and row[0], "sold": sold and sold[0]}
    logger.info("stock audited", extra={"data": {"sku": BEST_SELLER, **counts}})


async def audit_on_demand(shop: Shop) -> None:
    """Audit once at the start and then whenever `NOTIFY stock_audit` demands it."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                shop.settings.database_url, application_name="stock-audit"
            ) as connection:
                await connection.execute("LISTEN stock_audit")
                await audit(connection)
                async for _ in connection.notifies():
                    await audit(connection)
        except psycopg.Error as error:
            logger.warning("the stock audit lost its connection", extra={"data": {"reason": str(error)}})
        await asyncio.sleep(_RECONNECT_S)


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.3", routes=ROUTES_WITH_RECEIPTS, jobs=[audit_on_demand])
