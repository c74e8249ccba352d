"""Release 2026.11.23: the rate limit trusts no header that a client could have made up. A bad release.

It takes the peer's address for the client's. The peer is the proxy in front, whoever the client is, so all
clients draw from one bucket.
"""

from __future__ import annotations

from starlette.applications import Starlette

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.client import peer_address
from shop.main import build_app


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.23", routes=ROUTES_WITH_RECEIPTS, client_of=peer_address)
