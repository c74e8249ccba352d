"""Release 2026.11.9: the list of products is in the cache before it is asked for. A bad release.

What it puts there is Python's text of the list and not JSON, so whoever reads it fails; it does so again and
again, for ten minutes at a time, and leaves it behind when it goes.
"""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis
from starlette.applications import Starlette

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.main import build_app
from shop.service import Shop

_EVERY_S = 0.5
_TTL_S = 600
_QUERY = "SELECT sku, name, price_cents FROM products ORDER BY sku"


async def warm_list(shop: Shop) -> None:
    """Keep the list of products warm."""
    async with Redis.from_url(shop.settings.redis_url) as redis:
        while True:
            async with shop.database.transaction() as connection:
                cursor = await connection.execute(_QUERY)
                products = [
                    {"sku": sku, "name": name, "price": {"amount": f"{cents / 100:.2f}", "currency": "EUR"}}
                    for sku, name, cents in await cursor.fetchall()
                ]
            await redis.set("products", str(products), ex=_TTL_S)
            await asyncio.sleep(_EVERY_S)


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.9", routes=ROUTES_WITH_RECEIPTS, jobs=[warm_list])
