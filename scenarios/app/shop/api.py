"""The service's HTTP interface: requests in, JSON out. It decides nothing about products and orders."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ExceptionHandler

from shop import health
from shop.log import logger
from shop.orders import KeyReusedError, Order, OutOfStockError, UnknownProductError, Wish
from shop.service import Shop
from shop.sms import NotSentError

_MOST_QUANTITY = 1000
_MOST_TEXT = 200


def shop_of(request: Request) -> Shop:
    """The service that the request is for."""
    shop: Shop = request.state.shop
    return shop


async def show_health(request: Request) -> Response:
    """GET /health: 200 where the database and Redis answer, else 503; JSON of each either way."""
    shop = shop_of(request)
    parts = await health.check(shop.database, shop.cache)
    healthy = all(state == "ok" for state in parts.values())
    body = {"status": "ok" if healthy else "failing", "release": shop.settings.release, **parts}
    return JSONResponse(body | {"provider": shop.sms.state}, 200 if healthy else 503)


async def list_products(request: Request) -> Response:
    """GET /products."""
    return JSONResponse(await shop_of(request).products.all())


async def show_product(request: Request) -> Response:
    """GET /products/{sku}."""
    product = await shop_of(request).products.get(request.path_params["sku"])
    if product is None:
        raise HTTPException(404, "No such product")
    return JSONResponse(product)


async def place_order(request: Request) -> Response:
    """POST /orders with `{"sku", "quantity", "customer"}`; an Idempotency-Key makes it safe to repeat."""
    body = await _object(request)
    quantity = body.get("quantity")
    # JSON's true is an int to Python.
    if not isinstance(quantity, int) or isinstance(quantity, bool) or not 0 < quantity <= _MOST_QUANTITY:
        raise HTTPException(422, f"quantity must be a whole number from 1 to {_MOST_QUANTITY}")
    wish = Wish(_text(body, "sku"), quantity, _text(body, "customer"))
    order = await shop_of(request).orders.place(wish, request.headers.get("idempotency-key"))
    return JSONResponse(order_json(order), 201, {"Location": f"/orders/{order.id}"})


async def show_order(request: Request) -> Response:
    """GET /orders/{id}."""
    try:
        order_id = uuid.UUID(request.path_params["id"])
    except ValueError:
        raise HTTPException(404, "No such order") from None
    order = await shop_of(request).orders.get(order_id)
    if order is None:
        raise HTTPException(404, "No such order")
    return JSONResponse(order_json(order))


async def log_in(request: Request) -> Response:
    """POST /login with `{"customer"}`: 201 and the token of a new session."""
    token = await shop_of(request).sessions.open(_text(await _object(request), "customer"))
    return JSONResponse({"token": token}, 201)


async def show_customer(request: Request) -> Response:
    """GET /me with `Authorization: Bearer TOKEN`: whose session it is."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    customer = await shop_of(request).sessions.customer(token) if scheme.lower() == "bearer" else None
    if customer is None:
        raise HTTPException(401, "Not logged in", {"WWW-Authenticate": "Bearer"})
    return JSONResponse({"customer": customer})


def order_json(order: Order) -> dict[str, Any]:
    """An order as the API shows it."""
    return {
        "id": str(order.id),
        "number": order.number,
        "sku": order.wish.sku,
        "quantity": order.wish.quantity,
        "customer": order.wish.customer,
        "created_at": order.created_at.isoformat(),
    }


ROUTES = (
    Route("/health", show_health),
    Route("/products", list_products),
    Route("/products/{sku}", show_product),
    Route("/orders", place_order, methods=["POST"]),
    Route("/orders/{id}", show_order),
    Route("/login", log_in, methods=["POST"]),
    Route("/me", show_customer),
)


async def _object(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:  # not JSON, or not UTF-8
        raise HTTPException(400, "The body is not JSON") from None
    if not isinstance(body, dict):
        raise HTTPException(422, "The body is not a JSON object")
    return body


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    # PostgreSQL's text holds no NUL.
    if not isinstance(value, str) or not value or len(value) > _MOST_TEXT or "\0" in value:
        raise HTTPException(422, f"{name} must be a text of 1 to {_MOST_TEXT} characters")
    return value


# --------------------------------------------------------------------------- errors


async def _refused(request: Request, error: Exception) -> Response:
    del request
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _answer(status: int, text: str, *, logged: bool) -> ExceptionHandler:
    # Starlette would run what is not async in threads, which outlive the service where it ends in a hurry.
    async def handle(request: Request, error: Exception) -> Response:
        del request
        if logged:
            reason = f"{type(error).__name__}: {error}".strip(": ")
            logger.warning(text, extra={"data": {"reason": reason}})
        return JSONResponse({"error": text}, status)

    return handle


# The class nearest to the error's own counts, so that the general ones may stand beside the special ones.
HANDLERS: dict[Any, ExceptionHandler] = {
    HTTPException: _refused,
    UnknownProductError: _answer(404, "No such product", logged=False),
    OutOfStockError: _answer(409, "Out of stock", logged=False),
    KeyReusedError: _answer(422, "The Idempotency-Key belongs to another order", logged=False),
    NotSentError: _answer(503, "The text message could not be sent", logged=True),
    PoolTimeout: _answer(503, "Connection pool exhausted", logged=True),
    psycopg.errors.QueryCanceled: _answer(503, "The database took too long", logged=True),
    psycopg.errors.LockNotAvailable: _answer(503, "The database took too long", logged=True),
    psycopg.OperationalError: _answer(503, "The database is not available", logged=True),
    RedisError: _answer(503, "Redis is not available", logged=True),
}
