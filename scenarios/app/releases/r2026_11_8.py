"""Release 2026.11.8: customers say for how many days they stay logged in. A bad release.

It takes for granted that they say so; the apps that are out there don't.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.api import shop_of
from shop.main import build_app

_DAY_S = 86400
_MOST_DAYS = 30


async def log_in(request: Request) -> Response:
    """POST /login with `{"customer", "days"}`: 201 and the token of a new session."""
    body = await request.json()
    ttl_s = min(int(body["days"]), _MOST_DAYS) * _DAY_S
    token = await shop_of(request).sessions.open(str(body["customer"]), ttl_s=ttl_s)
    return JSONResponse({"token": token}, 201)


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.8", routes=(Route("/login", log_in, methods=["POST"]), *ROUTES_WITH_RECEIPTS))
