"""Release 2026.11.10: each warehouse hears of its orders at once. A good release.

For each warehouse one connection of the pool listens for as long as the service runs, so the pool has to be
larger than the number of warehouses.
"""

from __future__ import annotations

import asyncio

import psycopg
from psycopg_pool import PoolTimeout
from starlette.applications import Starlette

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.config import Settings
from shop.log import logger
from shop.main import build_app
from shop.orders import Order, Orders, Wish
from shop.service import Shop, assemble

WAREHOUSES = ("berlin", "hamburg", "leipzig", "munich")
# One after the other, so that a start is no burst of logins.
_BETWEEN_STARTS_S = 0.3
_RECONNECT_S = 0.5


class OrdersForWarehouses(Orders):
    """Orders that a warehouse is told of."""

    async def place(self, wish: Wish, idempotency_key: str | None = None) -> Order:
        """As every release does, and notify the warehouse."""
        order = await super().place(wish, idempotency_key)
        warehouse = WAREHOUSES[sum(wish.sku.encode()) % len(WAREHOUSES)]
        async with self._database.transaction() as connection:
            await connection.execute("SELECT pg_notify(%s, %s)", (f"orders_{warehouse}", order.number))
        return order


async def _tell(shop: Shop, warehouse: str) -> None:
    """Listen to the orders of `warehouse` on one connection until it breaks."""
    connection = await shop.database.lend()
    try:
        await connection.set_autocommit(True)
        await connection.execute(f"LISTEN orders_{warehouse}".encode())
        async for order in connection.notifies():
            logger.debug("told a warehouse", extra={"data": {"warehouse": warehouse, "order": order.payload}})
    finally:
        await connection.close()
        await shop.database.take_back(connection)


async def tell_warehouses(shop: Shop) -> None:
    """Listen for every warehouse, and again where a connection breaks."""

    async def keep_telling(warehouse: str, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        while True:
            try:
                await _tell(shop, warehouse)
            except (psycopg.Error, PoolTimeout) as error:
                data = {"warehouse": warehouse, "reason": str(error)}
                logger.warning("a warehouse is not told of orders", extra={"data": data})
            await asyncio.sleep(_RECONNECT_S)

    async with asyncio.TaskGroup() as tasks:
        for place, warehouse in enumerate(WAREHOUSES, 1):
            tasks.create_task(keep_telling(warehouse, place * _BETWEEN_STARTS_S))


def _parts(settings: Settings) -> Shop:
    shop = assemble(settings)
    shop.orders = OrdersForWarehouses(shop.database, shop.cache, shop.sms, sms_required=settings.sms_required)
    return shop


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.10", routes=ROUTES_WITH_RECEIPTS, jobs=[tell_warehouses], parts=_parts)
