"""Release 2026.11.5: the countries that we ship to are kept in a file beside the code. A bad release.

The file is in the repository and not in what is deployed, so the service can't start. It has the sales
report of the release before as well.
"""

from __future__ import annotations

import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from releases.r2026_11_4 import report_sales
from shop.main import build_app

_COUNTRIES = Path(__file__).with_name("countries.json")


def create_app() -> Starlette:
    """The application."""
    countries = json.loads(_COUNTRIES.read_text("utf-8"))

    async def show_countries(request: Request) -> Response:
        """GET /countries."""
        del request
        return JSONResponse(countries)

    routes = (*ROUTES_WITH_RECEIPTS, Route("/countries", show_countries))
    return build_app("2026.11.5", routes=routes, jobs=[report_sales])
