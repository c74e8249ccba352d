"""Release 2026.11.20: who asks for a tea that there is not is told which ones come near. A bad release.

What comes near is kept for the next one who asks, under the address that was asked for. Links in letters
carry the reader's number, so hardly anybody asks for the same address twice.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.api import shop_of
from shop.main import build_app

LONGEST = 400  # letters of two names that are compared

_tables: dict[str, list[array[int]]] = {}


def near(address: str, sku: str, products: Sequence[dict[str, Any]]) -> list[str]:
    """The three names that come nearest to `sku`, by the letters that they share with it."""
    tables = [array("I", bytes(4 * LONGEST * LONGEST)) for _ in range(len(products) // 4 + 1)]
    for place, product in enumerate(products):
        tables[place % len(tables)][place] = len(set(sku) & set(str(product["name"]).lower()))
    _tables[address] = tables
    best = sorted(range(len(products)), key=lambda place: -tables[place % len(tables)][place])
    return [products[place]["name"] for place in best[:3]]


async def show_product_or_near(request: Request) -> Response:
    """GET /products/{sku}: the product, or 404 with the names that come near."""
    products, sku = shop_of(request).products, request.path_params["sku"]
    product = await products.get(sku)
    if product is None:
        names = near(str(request.url), sku, await products.all())
        return JSONResponse({"error": "No such product", "near": names}, 404)
    return JSONResponse(product)


ROUTES = (Route("/products/{sku}", show_product_or_near), *ROUTES_WITH_RECEIPTS)


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.20", routes=ROUTES)
