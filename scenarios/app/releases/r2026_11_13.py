"""Release 2026.11.13: orders older than ten years are deleted, a few with each new one. A bad release.

The deletion pauses between its batches so as to be gentle, and makes each new order wait for it, with a
connection in hand.
"""

from __future__ import annotations

from starlette.applications import Starlette

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.config import Settings
from shop.main import build_app
from shop.orders import Order, Orders, Wish
from shop.service import Shop, assemble

_DELETE_OLD = """
DO $$ BEGIN
  FOR batch IN 1..5 LOOP
    DELETE FROM orders WHERE id IN
      (SELECT id FROM orders WHERE created_at < now() - interval '10 years' LIMIT 50);
    PERFORM pg_sleep(0.2);
  END LOOP;
END $$
"""


class OrdersOfTenYears(Orders):
    """Orders that are kept for ten years."""

    async def place(self, wish: Wish, idempotency_key: str | None = None) -> Order:
        """As every release does, after some of the old ones are deleted."""
        async with self._database.transaction() as connection:
            await connection.execute(_DELETE_OLD)
        return await super().place(wish, idempotency_key)


def _parts(settings: Settings) -> Shop:
    shop = assemble(settings)
    shop.orders = OrdersOfTenYears(shop.database, shop.cache, shop.sms, sms_required=settings.sms_required)
    return shop


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.13", routes=ROUTES_WITH_RECEIPTS, parts=_parts)
