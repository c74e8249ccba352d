"""The orders: placed in one transaction, and told to the customer by text message.

As a rule the message says that the order is on its way, and goes out some time after the commit. Where
messages are required, it says that the order has come in, and goes out first: an order that its customer
can't be told of is not taken, and nothing has to be undone.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from shop.cache import Cache
from shop.database import Connection, Database
from shop.products import key
from shop.sms import SmsClient, TextMessage

# Orders share this advisory lock, and the nightly stock count takes it alone: nothing is sold meanwhile.
STOCK_COUNT_GATE = 4201
_KEYS = uuid.UUID("5b0c2d8e-7a41-4f0e-9a53-3f6f1f0a7c11")  # the namespace of ids made from Idempotency-Key
COLUMNS = "id, sku, quantity, customer, created_at"


class UnknownProductError(Exception):
    """Raised when what is ordered does not exist."""


class OutOfStockError(Exception):
    """Raised when fewer are on hand than are ordered."""


class KeyReusedError(Exception):
    """Raised when an Idempotency-Key comes again with another order."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a customer asks for."""

    sku: str
    quantity: int
    customer: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order that was placed. `number` is what a receipt shows of its id."""

    id: uuid.UUID
    wish: Wish
    created_at: datetime

    @property
    def number(self) -> str:
        """The number on the receipt."""
        return number_of(self.id)

    @classmethod
    def from_row(cls, row: tuple[uuid.UUID, str, int, str, datetime]) -> Order:
        """An order from its columns."""
        return cls(row[0], Wish(row[1], row[2], row[3]), row[4])


def number_of(order_id: uuid.UUID) -> str:
    """What a receipt shows of an order's id: its first eight digits."""
    return order_id.hex[:8]


class Orders:
    """Places orders and finds them again."""

    def __init__(
        self, database: Database, cache: Cache, sms: SmsClient, *, sms_required: bool = False
    ) -> None:
        self._database = database
        self._cache = cache
        self._sms = sms
        self._sms_required = sms_required

    async def place(self, wish: Wish, idempotency_key: str | None = None) -> Order:
        """Place an order. The same key with the same wish gives the order that the first call placed.

        Raises:
            UnknownProductError, OutOfStockError, KeyReusedError: it can't be placed.
            psycopg.errors.QueryCanceled: a lock was not to be had within the statement timeout.
            psycopg_pool.PoolTimeout: no connection was free in time.
            shop.sms.NotSentError: a message is required and could not be sent.
        """
        order_id = uuid.uuid5(_KEYS, idempotency_key) if idempotency_key else uuid.uuid4()
        if self._sms_required:
            await self._sms.send(TextMessage(wish.customer, f"Your order {number_of(order_id)} has come in."))
        async with self._database.transaction() as connection:
            known = await self._find(connection, order_id) if idempotency_key else None
            if known is None:
                order = await self._insert(connection, order_id, wish)
                if order is None:
                    # The same key came twice at once, and the other request was faster.
                    await connection.rollback()
                    known = await self._find(connection, order_id)
        if known is not None:
            if known.wish != wish:
                raise KeyReusedError
            return known
        if order is None:
            raise KeyReusedError
        await self._cache.forget(key(wish.sku))
        if not self._sms_required:
            self._sms.send_later(TextMessage(wish.customer, f"Your order {order.number} is on its way."))
        return order

    async def get(self, order_id: uuid.UUID) -> Order | None:
        """An order, or None if there is no such order."""
        async with self._database.transaction() as connection:
            return await self._find(connection, order_id)

    async def _find(self, connection: Connection, order_id: uuid.UUID) -> Order | None:
        query = f"SELECT {COLUMNS} FROM orders WHERE id = %s"  # noqa: S608  constants
        cursor = await connection.execute(query, (order_id,))
        row = await cursor.fetchone()
        return Order.from_row(row) if row else None

    async def _insert(self, connection: Connection, order_id: uuid.UUID, wish: Wish) -> Order | None:
        """The new order, or None where there is one of that id already; then nothing may be committed."""
        await connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (STOCK_COUNT_GATE,))
        taken = await connection.execute(
            "UPDATE products SET on_hand = on_hand - %s WHERE sku = %s AND on_hand >= %s",
            (wish.quantity, wish.sku, wish.quantity),
        )
        if not taken.rowcount:
            await self._explain_refusal(connection, wish)
        cursor = await connection.execute(
            "INSERT INTO orders (id, sku, quantity, customer) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (id) DO NOTHING RETURNING created_at",
            (order_id, wish.sku, wish.quantity, wish.customer),
        )
        row = await cursor.fetchone()
        return Order(order_id, wish, row[0]) if row else None

    async def _explain_refusal(self, connection: Connection, wish: Wish) -> None:
        cursor = await connection.execute("SELECT FROM products WHERE sku = %s", (wish.sku,))
        raise OutOfStockError if await cursor.fetchone() is not None else UnknownProductError
