"""How the service behaves when something that it needs fails."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psutil
import psycopg
import pytest
from tests.app.fixtures import Shared
from tests.app.servers import Site, free_port, provider, until


@contextmanager
def locked(site: Site, statement: str) -> Iterator[None]:
    """Another session's transaction that has run `statement` and does not end."""
    with site.connect() as connection:
        connection.execute(statement.encode())
        yield
        connection.rollback()


KILL_POOL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'orders' AND datname = current_database()
"""
LOCK_HOT = "UPDATE products SET on_hand = on_hand WHERE sku = 'tea-001'"


def test_a_locked_product_is_503_within_the_statement_timeout_while_browsing_goes_on(site: Site) -> None:
    with site.app(DB_STATEMENT_TIMEOUT_MS="400") as app, locked(site, LOCK_HOT):
        with ThreadPoolExecutor(1) as threads:
            began = time.monotonic()
            order = threads.submit(app.order)
            assert app.http.get("/products/tea-001").status_code == 200
            assert app.http.get("/products").status_code == 200
            answer = order.result()
        assert (answer.status_code, answer.json()) == (503, {"error": "The database took too long"})
        assert 0.4 <= time.monotonic() - began < 1.4
        assert app.order("tea-002").status_code == 201


def test_a_stock_count_stops_orders_and_nothing_else(site: Site) -> None:
    with (
        site.app(DB_STATEMENT_TIMEOUT_MS="300") as app,
        locked(site, "SELECT pg_advisory_xact_lock(4201)"),
    ):
        assert app.order("tea-002").status_code == 503
        assert app.http.get("/products/tea-002").status_code == 200


def test_an_order_that_fails_leaves_nothing_behind(site: Site) -> None:
    with site.app(DB_STATEMENT_TIMEOUT_MS="300") as app:
        with locked(site, LOCK_HOT):
            assert app.order(key="k").status_code == 503
        with site.connect() as connection:
            assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)
        assert app.order(key="k").status_code == 201


def test_an_exhausted_pool_is_503_within_its_timeout(site: Site) -> None:
    variables = {"DB_POOL_SIZE": "2", "DB_POOL_TIMEOUT": "0.3", "DB_STATEMENT_TIMEOUT_MS": "1500"}
    with site.app(**variables) as app, locked(site, LOCK_HOT), ThreadPoolExecutor(3) as threads:
        orders = [threads.submit(app.order) for _ in range(2)]
        until(lambda: waiting(site) == 2, "both connections wait for the lock")
        answer = app.order("tea-002")
        assert (answer.status_code, answer.json()) == (503, {"error": "Connection pool exhausted"})
        assert app.http.get("/health").json()["database"] != "ok"
        assert [order.result().status_code for order in orders] == [503, 503]
        assert app.order("tea-002").status_code == 201


def waiting(site: Site) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
    with site.postgres.connect() as connection:
        row = connection.execute(query, (site.database,)).fetchone()
    return int(row[0]) if row else 0


def test_what_is_refused_takes_no_thread_which_could_outlive_the_service(shared: Shared) -> None:
    process = psutil.Process(shared.app.process.pid)
    assert shared.app.order().status_code == 201
    until(lambda: shared.app.http.get("/health").json()["provider"] != "unknown", "the message was tried")
    before = process.num_threads()
    assert [shared.app.order("no-such-tea").status_code for _ in range(3)] == [404] * 3
    assert shared.app.http.get("/orders/none").status_code == 404
    assert process.num_threads() == before


def test_killed_connections_cost_no_request(shared: Shared) -> None:
    assert shared.app.order().status_code == 201
    with shared.site.connect() as connection:
        assert connection.execute(KILL_POOL).fetchall()
    assert [shared.app.order().status_code for _ in range(4)] == [201] * 4


def test_while_redis_is_away_products_come_from_the_database_with_a_warning(site: Site) -> None:
    with site.app(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0") as app:
        assert app.http.get("/products/tea-001").json()["name"] == "Assam"
        assert len(app.http.get("/products").json()) == 20
        assert app.order().status_code == 201
        assert {entry["level"] for entry in app.entries("the cache can't be read")} == {"warning"}
        health = app.http.get("/health")
        assert health.status_code == 503
        assert "ConnectionError" in health.json()["redis"]
        login = app.http.post("/login", json={"customer": "+49"})
        assert (login.status_code, login.json()) == (503, {"error": "Redis is not available"})


def test_while_redis_is_stopped_products_are_late_and_come(shared: Shared) -> None:
    with shared.site.redis() as redis:
        pid = int(redis.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert shared.app.http.get("/products/tea-001").status_code == 200
        assert time.monotonic() - began < 3.0
        assert shared.app.http.get("/health").json()["redis"] == "no answer within 0.4 s"
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_bad_value_in_the_cache_fails_the_product_until_it_is_flushed(shared: Shared) -> None:
    with shared.site.redis() as redis:
        redis.set("product:tea-001", "{bad")
        answer = shared.app.http.get("/products/tea-001")
        assert (answer.status_code, answer.json()) == (500, {"error": "Internal error"})
        redis.delete("product:tea-001")
        redis.lpush("product:tea-001", "x")
        assert shared.app.http.get("/products/tea-001").status_code == 503
        redis.flushdb()
    assert shared.app.http.get("/products/tea-001").status_code == 200
    failures = [entry for entry in shared.app.entries("request") if entry["status"] == 500]
    assert [entry["level"] for entry in failures] == ["error"]


@pytest.fixture
def stub(site: Site) -> Iterator[httpx.Client]:
    with provider(site.folder) as http:
        site.sms_api_url = str(http.base_url)
        yield http


def hits(stub: httpx.Client) -> int:
    return int(stub.get("/_stub").json()["hits"])


def test_an_order_is_told_to_the_customer(site: Site, stub: httpx.Client) -> None:
    with site.app() as app:
        assert app.order().status_code == 201
        until(lambda: stub.get("/_stub").json()["accepted"] == 1, "the message is accepted")
        until(lambda: app.http.get("/health").json()["provider"] == "ok", "health shows it")


@pytest.mark.parametrize(("mode", "tries"), [("error-500", 3), ("rate-limited", 3), ("unauthorized", 1)])
def test_an_outage_of_the_provider_costs_no_order_and_is_retried_within_bounds(
    site: Site, stub: httpx.Client, mode: str, tries: int
) -> None:
    stub.put("/_stub", json={"mode": mode})
    with site.app() as app:
        assert app.order().status_code == 201
        until(lambda: app.http.get("/health").json()["provider"] == "failing", "health shows it")
        assert app.http.get("/health").status_code == 200
        assert hits(stub) == tries
        assert len(app.entries("a message was not sent")) == 1


def test_a_required_message_goes_out_before_its_order_is_taken(site: Site, stub: httpx.Client) -> None:
    with site.app(SMS_REQUIRED="true") as app:
        assert app.order().status_code == 201
        assert stub.get("/_stub").json()["accepted"] == 1


@pytest.mark.parametrize(
    ("behaviour", "reason", "hits"),
    [
        ({"mode": "error-500"}, "NotSentError: the provider answered 500", 3),
        ({"key": "another"}, "NotSentError: the provider answered 401", 1),
    ],
)
def test_a_required_message_that_fails_fails_its_order_and_nothing_is_written(
    site: Site, stub: httpx.Client, behaviour: dict[str, str], reason: str, hits: int
) -> None:
    with site.app(SMS_REQUIRED="true") as app:
        assert app.order(key="k").status_code == 201
        before = stub.put("/_stub", json=behaviour).json()["hits"]
        answer = app.order()
        assert (answer.status_code, answer.json()) == (503, {"error": "The text message could not be sent"})
        assert [entry["reason"] for entry in app.entries("The text message could not be sent")] == [reason]
        assert stub.get("/_stub").json()["hits"] == before + hits
        assert app.http.get("/health").json()["provider"] == "failing"
        assert app.http.get("/health").status_code == 200
    with site.connect() as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (1,)


def test_a_provider_that_hangs_delays_no_order(site: Site, stub: httpx.Client) -> None:
    stub.put("/_stub", json={"mode": "hang"})
    with site.app() as app:
        began = time.monotonic()
        assert [app.order().status_code for _ in range(8)] == [201] * 8
        assert time.monotonic() - began < 2.0
        until(lambda: hits(stub) >= 4, "the messages are being sent")
        with site.connect() as connection:
            idle = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state LIKE 'idle in%%'",
                (site.database,),
            ).fetchone()
        assert idle == (0,)  # no transaction waits for the provider


def test_a_flood_from_one_forwarded_address_is_429_for_that_address_alone(site: Site) -> None:
    with site.app(RATE_LIMIT_PER_S="1", RATE_LIMIT_BURST="5") as app:

        def browse(forwarded: str) -> httpx.Response:
            return app.http.get("/products", headers={"X-Forwarded-For": forwarded})

        flood = [browse("203.0.113.7, 10.0.0.1") for _ in range(8)]
        assert [answer.status_code for answer in flood[:5]] == [200] * 5
        refused = flood[-1]
        assert (refused.status_code, refused.json()) == (429, {"error": "Too many requests"})
        assert int(refused.headers["Retry-After"]) >= 1
        assert browse("203.0.113.8, 10.0.0.1").status_code == 200
        assert app.http.get("/health", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 200


def test_a_database_that_refuses_to_write_fails_orders(site: Site) -> None:
    site.database = site.postgres.new_database()
    with site.app() as app:
        assert app.order().status_code == 201
        with site.connect(autocommit=True) as connection:
            name = psycopg.sql.Identifier(site.database)
            setting = psycopg.sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on")
            connection.execute(setting.format(name))
            connection.execute(KILL_POOL)
        assert app.order().status_code == 500
        assert app.http.get("/health").status_code == 200
