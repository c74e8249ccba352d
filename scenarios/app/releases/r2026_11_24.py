"""Release 2026.11.24: sixteen requests are worked on at a time, to spare the database. A bad release.

A request has its place from its head on, before its body is there, and nothing bounds how long that takes: so
sixteen clients that send slowly, or not at all, have every place, and all others wait without a word.
"""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.main import build_app

PLACES = 16


class Places:
    """ASGI middleware: lets no more than `count` requests in at a time; the others wait for their turn."""

    def __init__(self, app: ASGIApp, count: int) -> None:
        self._app = app
        self._free = asyncio.Semaphore(count)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on when it is its turn."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        async with self._free:
            await self._app(scope, receive, send)


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.24", routes=ROUTES_WITH_RECEIPTS, before=[Middleware(Places, count=PLACES)])
