"""Release 2026.11.6: unused columns are set aside, and customers' numbers are checked. A bad release.

The first step of its migration renames a column that every order needs, and commits; the second one fails on
orders that are there already. So this release does not start, and those before it can't take orders.
"""

from __future__ import annotations

import os

import psycopg
from starlette.applications import Starlette

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.main import build_app

_STEPS = (
    "ALTER TABLE products RENAME COLUMN on_hand TO unused_on_hand",
    r"ALTER TABLE orders ADD CONSTRAINT customer_is_a_number CHECK (customer ~ '^\+[0-9]+$')",
)


def migrate(url: str) -> None:
    """Bring the tables to this release's form, each step in a transaction of its own."""
    with psycopg.connect(url, autocommit=True, connect_timeout=2, application_name="migration") as connection:
        for step in _STEPS:
            connection.execute(step)


def create_app() -> Starlette:
    """The application, on tables in its form."""
    migrate(os.environ["DATABASE_URL"])
    return build_app("2026.11.6", routes=ROUTES_WITH_RECEIPTS)
