"""What the current release answers, with a real database and a real Redis behind it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.app.fixtures import Shared
from tests.app.servers import App, Site


@pytest.fixture
def app(shared: Shared) -> App:
    return shared.app


@pytest.fixture
def site(shared: Shared) -> Site:
    return shared.site


def on_hand(site: Site, sku: str = "tea-001") -> int:
    with site.connect() as connection:
        row = connection.execute("SELECT on_hand FROM products WHERE sku = %s", (sku,)).fetchone()
    assert row is not None
    return int(row[0])


def test_health_names_each_part(app: App) -> None:
    answer = app.http.get("/health")
    assert answer.status_code == 200
    body = answer.json()
    assert body == {
        "status": "ok",
        "release": "2026.11.2",
        "database": "ok",
        "redis": "ok",
        "provider": "unknown",
    }


def test_twenty_products_are_listed_with_their_prices(app: App) -> None:
    products = app.http.get("/products").json()
    assert [product["sku"] for product in products] == [f"tea-{number:03}" for number in range(1, 21)]
    assert products[0]["price"] == {"amount": "4.35", "currency": "EUR"}


def test_a_product_is_read_through_the_cache(app: App, site: Site) -> None:
    first = app.http.get("/products/tea-002").json()
    with site.redis() as redis:
        assert json.loads(str(redis.get("product:tea-002"))) == first
        assert 0 < int(str(redis.ttl("product:tea-002"))) <= 30
        redis.set("product:tea-002", json.dumps(first | {"name": "From the cache"}))
    assert app.http.get("/products/tea-002").json()["name"] == "From the cache"


def test_an_unknown_product_is_404(app: App) -> None:
    answer = app.http.get("/products/coffee-001")
    assert (answer.status_code, answer.json()) == (404, {"error": "No such product"})
    assert app.order("coffee-001").status_code == 404


def test_an_order_is_confirmed_kept_and_found_again(app: App, site: Site) -> None:
    before = on_hand(site)
    answer = app.order("tea-001", quantity=3)
    assert answer.status_code == 201
    found = app.http.get(answer.headers["Location"])
    assert found.status_code == 200
    assert found.json() == answer.json()
    assert answer.headers["Location"] == f"/orders/{answer.json()['id']}"
    assert on_hand(site) == before - 3


def test_an_order_makes_the_cache_forget_the_product(app: App) -> None:
    before = app.http.get("/products/tea-003").json()["on_hand"]
    app.order("tea-003", quantity=2)
    assert app.http.get("/products/tea-003").json()["on_hand"] == before - 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b"[]", 422),
        (b'{"sku": "tea-001", "customer": "+49"}', 422),
        (b'{"sku": "tea-001", "quantity": 0, "customer": "+49"}', 422),
        (b'{"sku": "tea-001", "quantity": true, "customer": "+49"}', 422),
        (b'{"sku": "tea-001", "quantity": 1, "customer": "a\\u0000b"}', 422),
        (b'{"sku": 7, "quantity": 1, "customer": "+49"}', 422),
    ],
)
def test_a_senseless_order_is_refused_with_a_reason(app: App, body: bytes, status: int) -> None:
    answer = app.http.post("/orders", content=body)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_what_is_out_of_stock_is_409_and_takes_nothing(app: App, site: Site) -> None:
    with site.connect() as connection:
        connection.execute("UPDATE products SET on_hand = 2 WHERE sku = 'tea-004'")
    assert app.order("tea-004", quantity=3).status_code == 409
    assert on_hand(site, "tea-004") == 2


@pytest.mark.parametrize("order_id", ["2f9f3b6a-6a44-4c5f-9d43-0c7d2f1b8e11", "no-id"])
def test_an_unknown_order_is_404(app: App, order_id: str) -> None:
    assert app.http.get(f"/orders/{order_id}").status_code == 404


def test_the_same_idempotency_key_places_one_order(app: App, site: Site) -> None:
    before = on_hand(site)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: app.order(key="k-1"), range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert on_hand(site) == before - 1


def test_an_idempotency_key_is_not_for_another_order(app: App) -> None:
    assert app.order(quantity=1, key="k-2").status_code == 201
    assert app.order(quantity=2, key="k-2").status_code == 422


def test_a_session_is_kept_apart_from_the_cache(app: App, site: Site) -> None:
    token = app.http.post("/login", json={"customer": "+4915100000"}).json()["token"]
    with site.redis(0) as cache, site.redis(1) as sessions:
        assert sessions.exists(f"session:{token}")
        cache.flushdb()
    answer = app.http.get("/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.json() == {"customer": "+4915100000"}
    assert app.http.get("/me", headers={"Authorization": "Bearer none"}).status_code == 401
    assert app.http.get("/me").status_code == 401


def test_each_request_is_one_line_of_json(app: App) -> None:
    app.http.get("/products/tea-005", headers={"X-Request-Id": "abc"})
    entry = next(entry for entry in app.entries("request") if entry.get("request_id") == "abc")
    assert entry["route"] == "GET /products/{sku}"
    assert (entry["level"], entry["status"]) == ("info", 200)
    assert entry["ms"] > 0


def test_an_order_is_found_by_the_number_on_its_receipt(app: App) -> None:
    order = app.order().json()
    assert app.http.get(f"/receipts/{order['number'].upper()}").json() == [order]
    assert app.http.get("/receipts/none").status_code == 404


def test_the_release_before_has_no_receipts_and_the_same_orders(app: App, site: Site) -> None:
    order = app.order().json()
    with site.app("r2026_11_1") as older:
        assert older.http.get(f"/orders/{order['id']}").json() == order
        assert older.http.get(f"/receipts/{order['number']}").status_code == 404
        assert older.http.get("/health").json()["release"] == "2026.11.1"
