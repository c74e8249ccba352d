"""Release 2026.11.12: an order that meets a deadlock is tried once more. A bad release.

It holds its connection itself, so as to try again on the same one, and gives it back only when the order
could be placed: each order that is refused, such as one of a tea that is sold out, keeps a connection.
"""

from __future__ import annotations

import uuid

import psycopg
from starlette.applications import Starlette

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.config import Settings
from shop.database import BoundedConnection, Connection
from shop.main import build_app
from shop.orders import KeyReusedError, Order, Orders, Wish, number_of
from shop.products import key
from shop.service import Shop, assemble
from shop.sms import TextMessage

# Not to be closed by Python before they are given back.
_in_hand: set[BoundedConnection] = set()


class OrdersTriedAgain(Orders):
    """Orders that outlive a deadlock."""

    async def place(self, wish: Wish, idempotency_key: str | None = None) -> Order:
        """As every release does, but on one connection, and once more after a deadlock."""
        if idempotency_key is not None:  # a customer who tries again already
            return await super().place(wish, idempotency_key)
        connection = await self._database.lend()
        _in_hand.add(connection)
        try:
            order = await self._place_on(connection, wish)
        except psycopg.errors.DeadlockDetected:
            order = await self._place_on(connection, wish)
        _in_hand.discard(connection)
        await self._database.take_back(connection)
        await self._cache.forget(key(wish.sku))
        message = f"Your order {number_of(order.id)} is on its way."
        self._sms.send_later(TextMessage(wish.customer, message))
        return order

    async def _place_on(self, connection: Connection, wish: Wish) -> Order:
        async with connection.transaction():
            order = await self._insert(connection, uuid.uuid4(), wish)
        if order is None:
            raise KeyReusedError
        return order


def _parts(settings: Settings) -> Shop:
    shop = assemble(settings)
    shop.orders = OrdersTriedAgain(shop.database, shop.cache, shop.sms)
    return shop


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.12", routes=ROUTES_WITH_RECEIPTS, parts=_parts)
