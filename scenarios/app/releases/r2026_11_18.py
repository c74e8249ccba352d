"""Release 2026.11.18: a product page tells how many were sold in the busiest minute. A good release.

For that each replica keeps the sales of every minute of a year, of each product that was asked for.
"""

from __future__ import annotations

from array import array

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.api import shop_of
from shop.database import Database
from shop.main import build_app

MINUTES = 366 * 24 * 60

_sales: dict[str, tuple[array[float], float]] = {}


async def sales_by_minute(database: Database, sku: str) -> array[float]:
    """How many of a product were sold in each minute of the last year, the current minute first."""
    sales = array("d", bytes(8 * MINUTES))
    async with database.transaction() as connection:
        cursor = await connection.execute(
            "SELECT (extract(epoch FROM now() - created_at) / 60)::int AS minute, sum(quantity) FROM orders"
            " WHERE sku = %s AND created_at > now() - interval '365 days' GROUP BY minute",
            (sku,),
        )
        for minute, sold in await cursor.fetchall():
            sales[min(max(minute, 0), MINUTES - 1)] += sold
    return sales


async def show_product_with_best_minute(request: Request) -> Response:
    """GET /products/{sku}: the product, and `best_minute` as of when it was first asked for."""
    shop, sku = shop_of(request), request.path_params["sku"]
    product = await shop.products.get(sku)
    if product is None:
        raise HTTPException(404, "No such product")
    if sku not in _sales:
        sales = await sales_by_minute(shop.database, sku)
        _sales[sku] = sales, max(sales)
    return JSONResponse(product | {"best_minute": _sales[sku][1]})


ROUTES = (Route("/products/{sku}", show_product_with_best_minute), *ROUTES_WITH_RECEIPTS)


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.18", routes=ROUTES)
