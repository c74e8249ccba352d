"""Release 2026.11.16: the product list is kept warm, so that nobody waits for it. A bad release.

It keeps the list as a Redis list, of which a page could be read with LRANGE, under the key at which the rest
of the service still keeps and expects a string.
"""

from __future__ import annotations

import asyncio
import json

import psycopg
from psycopg_pool import PoolTimeout
from redis.exceptions import RedisError
from starlette.applications import Starlette

from releases.r2026_11_15 import ROUTES_WITH_NEIGHBOURS
from shop.cache import connect
from shop.log import logger
from shop.main import build_app
from shop.service import Shop

LIST_KEY = "products"
_EVERY_S = 0.8


async def keep_warm(shop: Shop) -> None:
    """Write the list anew, again and again."""
    redis = connect(shop.settings.redis_url, shop.settings.cache_database)
    try:
        while True:
            try:
                async with shop.database.transaction() as connection:
                    cursor = await connection.execute("SELECT sku, name FROM products ORDER BY sku")
                    products = [
                        json.dumps({"sku": sku, "name": name}) for sku, name in await cursor.fetchall()
                    ]
                async with redis.pipeline(transaction=True) as writing:
                    writing.delete(LIST_KEY)
                    writing.rpush(LIST_KEY, *products)
                    await writing.execute()
            except (psycopg.Error, PoolTimeout, RedisError) as error:
                logger.warning("the list can't be kept warm", extra={"data": {"reason": str(error)}})
            await asyncio.sleep(_EVERY_S)
    finally:
        await redis.aclose()


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.16", routes=ROUTES_WITH_NEIGHBOURS, jobs=[keep_warm])
