"""Release 2026.11.21: an order tells its customer how many it was. A good release.

Customers write their number in many ways, so its digits count; an index keeps that quick.
"""

from __future__ import annotations

import asyncio
import json

import psycopg
from psycopg_pool import PoolTimeout
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.api import place_order, shop_of
from shop.log import logger
from shop.main import build_app
from shop.service import Shop

INDEX = "orders_of_customer"
DIGITS = "regexp_replace(customer, '[^0-9]', '', 'g')"
COUNT = f"SELECT count(*) FROM orders WHERE {DIGITS} = regexp_replace(%s, '[^0-9]', '', 'g')"  # noqa: S608
_RETRY_S = 0.5


async def place_counted_order(request: Request) -> Response:
    """POST /orders: the order as before, and how many its customer has placed with it."""
    answer = await place_order(request)
    order = json.loads(bytes(answer.body))
    async with shop_of(request).database.transaction() as connection:
        cursor = await connection.execute(COUNT, (order["customer"],))
        row = await cursor.fetchone()
    headers = {"Location": answer.headers["Location"]}
    return JSONResponse(order | {"orders_so_far": row[0] if row else 1}, 201, headers)


async def make_index(shop: Shop) -> None:
    """Make the index, unless that is on record as done: what has been migrated is not migrated again."""
    while True:
        try:
            async with shop.database.transaction() as connection:
                await connection.execute("CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY)")
                cursor = await connection.execute(
                    "INSERT INTO migrations VALUES (%s) ON CONFLICT DO NOTHING RETURNING name", (INDEX,)
                )
                if await cursor.fetchone() is not None:
                    await connection.execute(f"CREATE INDEX {INDEX} ON orders ({DIGITS})")
        except (psycopg.OperationalError, psycopg.errors.UniqueViolation, PoolTimeout) as error:
            # Not yet, or another replica made the table at the same moment.
            logger.warning("the index can't be made yet", extra={"data": {"reason": str(error)}})
            await asyncio.sleep(_RETRY_S)
        else:
            return


ROUTES = (Route("/orders", place_counted_order, methods=["POST"]), *ROUTES_WITH_RECEIPTS)


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.21", routes=ROUTES, jobs=[make_index])
