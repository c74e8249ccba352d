"""The service as an ASGI application: its parts, its routes and what stands before them.

A release is a call of `build_app` with what it changes; there are no switches in here.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import Scope

from shop.api import HANDLERS, ROUTES
from shop.client import Blocked, forwarded_address
from shop.config import ConfigurationError, Settings
from shop.log import RequestLog, configure, logger
from shop.ratelimit import Buckets, RateLimit, Window
from shop.service import Job, Shop, assemble, running


def build_app(
    release: str,
    *,
    routes: Sequence[BaseRoute] = ROUTES,
    jobs: Sequence[Job] = (),
    parts: Callable[[Settings], Shop] = assemble,
    client_of: Callable[[Scope], str] = forwarded_address,
    before: Sequence[Middleware] = (),
) -> Starlette:
    """The application, with its settings from the environment.

    Args:
        release: its name, where the environment gives none.
        routes: its routes.
        jobs: what runs beside the requests for as long as it serves; each is given the shop.
        parts: makes its parts from the settings.
        client_of: whose token bucket a request draws from.
        before: what a request passes on its way in, once it is known not to come from a blocked client.

    Raises:
        SystemExit: a variable is missing or wrong; one line of the log says which.
    """
    configure()
    try:
        settings = Settings.read(os.environ, release)
    except ConfigurationError as error:
        logger.critical(str(error))
        raise SystemExit(1) from None

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Shop]]:
        async with running(parts(settings), jobs) as shop:
            logger.info("serving", extra={"data": {"release": settings.release}})
            yield {"shop": shop}

    limit = Middleware(
        RateLimit,
        Buckets(settings.rate_per_s, settings.rate_burst),
        Window(settings.total_rate_per_s),
        client_of,
    )
    way_in = [Middleware(RequestLog), Middleware(Blocked, settings.blocked_clients), *before, limit]
    return Starlette(routes=routes, middleware=way_in, exception_handlers=HANDLERS, lifespan=lifespan)
