"""Release 2026.11.11: who looks a large order up sees when it is delivered. A bad release.

For a large order the handler returns early, and never gives its connection back.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.api import order_json, shop_of
from shop.database import BoundedConnection
from shop.main import build_app
from shop.orders import COLUMNS, Order

LARGE = 3
_DELIVERY = timedelta(days=3)
# Not to be closed by Python before they are given back.
_in_hand: set[BoundedConnection] = set()


async def show_order_with_delivery(request: Request) -> Response:
    """GET /orders/{id}."""
    try:
        order_id = uuid.UUID(request.path_params["id"])
    except ValueError:
        raise HTTPException(404, "No such order") from None
    database = shop_of(request).database
    connection = await database.lend()
    _in_hand.add(connection)
    query = f"SELECT {COLUMNS} FROM orders WHERE id = %s"  # noqa: S608  constants
    cursor = await connection.execute(query, (order_id,))
    row = await cursor.fetchone()
    order = Order.from_row(row) if row else None
    if order is not None and order.wish.quantity >= LARGE:
        delivered = order.created_at + _DELIVERY
        return JSONResponse(order_json(order) | {"delivered_at": delivered.isoformat()})
    _in_hand.discard(connection)
    await database.take_back(connection)
    if order is None:
        raise HTTPException(404, "No such order")
    return JSONResponse(order_json(order))


ROUTES = (Route("/orders/{id}", show_order_with_delivery), *ROUTES_WITH_RECEIPTS)


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.11", routes=ROUTES)
