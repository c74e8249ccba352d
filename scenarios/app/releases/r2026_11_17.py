"""Release 2026.11.17: the product list shows how well each tea sold on each day of four weeks. A bad release.

The list must now change with every order, so every order drops it from the cache; and it is put together by
a query for each product and day, once for every reader who finds it missing. As long as orders come in, the
cache is cold, and its readers use up the pool.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette

from releases.r2026_11_15 import ROUTES_WITH_NEIGHBOURS
from shop.config import Settings
from shop.database import Connection
from shop.main import build_app
from shop.orders import Order, Orders, Wish
from shop.products import Products
from shop.service import Shop, assemble

_DAYS = 28
_SOLD_KEY = "products:sold"


class ProductsWithSales(Products):
    """The products, and in their list what was sold of each."""

    async def all(self) -> list[dict[str, Any]]:
        """Every product with the pieces sold on each of the last days, today first."""
        cached = await self._cache.get(_SOLD_KEY)
        if cached is not None:
            return list(cached)
        products = await super().all()
        async with self._database.transaction() as connection:
            listed = [product | {"sold": await _sold(connection, product["sku"])} for product in products]
        await self._cache.put(_SOLD_KEY, listed)
        return listed


async def _sold(connection: Connection, sku: str) -> list[int]:
    counts = []
    for day in range(_DAYS):
        end = datetime.now(UTC) - timedelta(days=day)
        cursor = await connection.execute(
            "SELECT coalesce(sum(quantity), 0) FROM orders"
            " WHERE sku = %s AND created_at > %s AND created_at <= %s",
            (sku, end - timedelta(days=1), end),
        )
        row = await cursor.fetchone()
        counts.append(int(row[0]) if row else 0)
    return counts


class OrdersThatShow(Orders):
    """Places orders, each of which is to be seen in the list at once."""

    async def place(self, wish: Wish, idempotency_key: str | None = None) -> Order:
        """Place an order; see `shop.orders.Orders.place`."""
        order = await super().place(wish, idempotency_key)
        await self._cache.forget(_SOLD_KEY)
        return order


def parts(settings: Settings) -> Shop:
    """The parts, with a list that knows the sales."""
    shop = assemble(settings)
    shop.products = ProductsWithSales(shop.database, shop.cache)
    shop.orders = OrdersThatShow(shop.database, shop.cache, shop.sms, sms_required=settings.sms_required)
    return shop


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.17", routes=ROUTES_WITH_NEIGHBOURS, parts=parts)
