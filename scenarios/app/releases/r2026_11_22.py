"""Release 2026.11.22: an order is confirmed once the reading database has it too. A bad release.

It gives the copy the time to arrive, with a sleep that lets nothing else of the replica run meanwhile.
"""

from __future__ import annotations

import json
import time
import uuid

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.api import place_order, shop_of
from shop.main import build_app

COPIED_S = 0.1
TRIES = 5


async def place_order_and_read_it(request: Request) -> Response:
    """POST /orders: the order as before, but not before it can be read."""
    answer = await place_order(request)
    order_id = uuid.UUID(json.loads(bytes(answer.body))["id"])
    for _ in range(TRIES):
        time.sleep(COPIED_S)  # noqa: ASYNC251  the bug
        if await shop_of(request).orders.get(order_id) is not None:
            break
    return answer


ROUTES = (Route("/orders", place_order_and_read_it, methods=["POST"]), *ROUTES_WITH_RECEIPTS)


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.22", routes=ROUTES)
