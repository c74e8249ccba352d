"""Release 2026.11.7: customers behind one address have rate limits of their own. A bad release.

It takes the port for a part of the forwarded address, where the proxy gives none; every request but the
health check, which is not limited, fails.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.types import Scope

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.main import build_app


def address_and_port(scope: Scope) -> str:
    """The client's address and port, as the proxy in front gives them."""
    forwarded = Headers(scope=scope)["x-forwarded-for"].partition(",")[0]
    address, port = forwarded.rsplit(":", 1)
    return f"{address.strip()} {int(port)}"


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.7", routes=ROUTES_WITH_RECEIPTS, client_of=address_and_port)
