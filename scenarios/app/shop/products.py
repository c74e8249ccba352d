"""The products: read through the cache, and never written here."""

from __future__ import annotations

from typing import Any

from shop.cache import Cache
from shop.database import Database

_LIST_KEY = "products"


def key(sku: str) -> str:
    """Where the cache keeps a product."""
    return f"product:{sku}"


class Products:
    """What can be ordered, as the API shows it."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache

    async def all(self) -> list[dict[str, Any]]:
        """Every product, without the number on hand, which changes with each order."""
        cached = await self._cache.get(_LIST_KEY)
        if cached is not None:
            return list(cached)
        async with self._database.transaction() as connection:
            cursor = await connection.execute("SELECT sku, name, price_cents FROM products ORDER BY sku")
            products = [_product(*row) for row in await cursor.fetchall()]
        await self._cache.put(_LIST_KEY, products)
        return products

    async def get(self, sku: str) -> dict[str, Any] | None:
        """A product with the number on hand, or None if there is no such product."""
        cached = await self._cache.get(key(sku))
        if cached is not None:
            return dict(cached)
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "SELECT sku, name, price_cents, on_hand FROM products WHERE sku = %s", (sku,)
            )
            row = await cursor.fetchone()
        if row is None:
            return None
        product = _product(*row[:3]) | {"on_hand": row[3]}
        await self._cache.put(key(sku), product)
        return product


def _product(sku: str, name: str, price_cents: int) -> dict[str, Any]:
    price = f"{price_cents // 100}.{price_cents % 100:02}"
    return {"sku": sku, "name": name, "price": {"amount": price, "currency": "EUR"}}
