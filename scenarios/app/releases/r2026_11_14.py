"""Release 2026.11.14: no order stands whose customer could not be told of it. A bad release.

The message is sent inside the order's transaction: for as long as the provider takes, the order keeps its
connection, and its lock on the product.
"""

from __future__ import annotations

import uuid

from starlette.applications import Starlette

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.config import Settings
from shop.database import Connection
from shop.main import build_app
from shop.orders import Order, Orders, Wish
from shop.service import Shop, assemble
from shop.sms import TextMessage


class OrdersOnceTold(Orders):
    """Orders that stand once their message is sent."""

    async def _insert(self, connection: Connection, order_id: uuid.UUID, wish: Wish) -> Order | None:
        order = await super()._insert(connection, order_id, wish)
        if order is not None:
            await self._sms.send(TextMessage(wish.customer, f"Your order {order.number} has come in."))
        return order


def _parts(settings: Settings) -> Shop:
    shop = assemble(settings)
    shop.orders = OrdersOnceTold(shop.database, shop.cache, shop.sms, sms_required=settings.sms_required)
    return shop


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.14", routes=ROUTES_WITH_RECEIPTS, parts=_parts)
