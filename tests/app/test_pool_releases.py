"""The releases that are hard on the pool: who listens, who forgets a connection, who keeps one long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.app.servers import App, Site, provider, until

SMALL = {"DB_POOL_SIZE": "2", "DB_POOL_TIMEOUT": "0.3"}
SESSIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name = 'orders' AND datname = current_database() AND query LIKE %s
"""


def sessions(site: Site, query: str) -> int:
    """How many of the app's sessions ran such a statement last."""
    with site.connect() as connection:
        row = connection.execute(SESSIONS, (query,)).fetchone()
    return int(row[0]) if row else 0


def is_exhausted(app: App) -> bool:
    answer = app.order("tea-002")
    return (answer.status_code, answer.json()) == (503, {"error": "Connection pool exhausted"})


def test_each_warehouse_listens_on_a_connection_and_hears_of_its_orders(site: Site) -> None:
    with site.app("r2026_11_10", DB_POOL_SIZE="8") as app:
        until(lambda: sessions(site, "LISTEN orders_%") == 4, "four warehouses listen")
        with site.connect(autocommit=True) as warehouse:
            for name in ("berlin", "hamburg", "leipzig", "munich"):
                warehouse.execute(f"LISTEN orders_{name}".encode())
            order = app.order("tea-003")
            assert order.status_code == 201
            heard = [each.payload for each in warehouse.notifies(timeout=5.0, stop_after=1)]
        assert heard == [order.json()["number"]]


def test_a_pool_as_small_as_the_warehouses_are_many_serves_nobody(site: Site) -> None:
    with site.app("r2026_11_10", DB_POOL_SIZE="4", DB_POOL_TIMEOUT="0.3") as app:
        until(lambda: sessions(site, "LISTEN orders_%") == 4, "four warehouses listen")
        assert is_exhausted(app)


def test_a_large_order_that_is_looked_up_costs_a_connection_for_good(site: Site) -> None:
    with site.app("r2026_11_11", **SMALL) as app:
        small, large = (app.order("tea-001", quantity).json()["id"] for quantity in (1, 3))
        for _ in range(6):
            assert app.http.get(f"/orders/{small}").status_code == 200
            assert app.http.get("/orders/00000000-0000-4000-8000-000000000000").status_code == 404
        for _ in range(2):
            assert "delivered_at" in app.http.get(f"/orders/{large}").json()
        assert sessions(site, "SELECT id, sku%") == 2, "they are still there, and busy with nothing"
        assert is_exhausted(app)


def test_an_order_that_is_refused_costs_a_connection_for_good(site: Site) -> None:
    with site.app("r2026_11_12", **SMALL) as app:
        assert [app.order().status_code for _ in range(6)] == [201] * 6
        with site.connect() as connection:
            connection.execute("UPDATE products SET on_hand = 0 WHERE sku = 'tea-011'")
            connection.commit()
        assert [app.order("tea-011").status_code for _ in range(2)] == [409] * 2
        assert sessions(site, "%") == 2, "they are still there, and busy with nothing"
        assert is_exhausted(app)


def test_an_order_waits_a_second_for_the_deletion_with_a_connection_in_hand(site: Site) -> None:
    with site.app("r2026_11_13", **SMALL) as app, ThreadPoolExecutor(2) as threads:
        began = time.monotonic()
        orders = [threads.submit(app.order) for _ in range(2)]
        until(lambda: sessions(site, "%DELETE FROM orders%") == 2, "two deletions run")
        assert is_exhausted(app)
        assert [order.result().status_code for order in orders] == [201] * 2
        assert time.monotonic() - began >= 1.0
        assert app.order().status_code == 201


@pytest.fixture
def stub(site: Site) -> Iterator[httpx.Client]:
    with provider(site.folder) as http:
        site.sms_api_url = str(http.base_url)
        yield http


def test_an_order_waits_for_its_message_with_a_connection_in_hand(site: Site, stub: httpx.Client) -> None:
    with site.app("r2026_11_14", **SMALL) as app, ThreadPoolExecutor(2) as threads:
        assert app.order().status_code == 201
        stub.put("/_stub", json={"mode": "hang"})
        orders = [threads.submit(app.order, sku) for sku in ("tea-003", "tea-004")]
        until(lambda: sessions(site, "INSERT INTO orders%") == 2, "two orders wait for their message")
        assert is_exhausted(app)
        stub.put("/_stub", json={"mode": "ok"})
        assert [order.result().status_code for order in orders] == [201] * 2
