"""Release 2026.11.15: a product page shows the teas beside it in the list. A good release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.api import shop_of
from shop.main import build_app


async def show_product_with_neighbours(request: Request) -> Response:
    """GET /products/{sku}: the product, and the names of the one before it and the one after it."""
    products = shop_of(request).products
    product = await products.get(request.path_params["sku"])
    if product is None:
        raise HTTPException(404, "No such product")
    return JSONResponse(product | {"beside": beside(await products.all(), product["sku"])})


def beside(products: Sequence[dict[str, Any]], sku: str) -> list[str]:
    """The names of the products before and after the one of that `sku`; fewer at the ends of the list."""
    place = [product["sku"] for product in products].index(sku)
    return [product["name"] for product in (*products[max(0, place - 1) : place], *products[place + 1 :][:1])]


ROUTES_WITH_NEIGHBOURS = (
    # The first route that matches counts.
    Route("/products/{sku}", show_product_with_neighbours),
    *ROUTES_WITH_RECEIPTS,
)


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.15", routes=ROUTES_WITH_NEIGHBOURS)
