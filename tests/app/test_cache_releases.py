"""The releases around the product list: one that shows it on each page, and two that break its cache."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.app.servers import App, Site, until


def test_a_product_page_shows_the_teas_beside_it(site: Site) -> None:
    with site.app("r2026_11_15") as app:
        assert app.http.get("/products/tea-002").json()["beside"] == ["Assam", "Ceylon"]
        assert app.http.get("/products/tea-001").json()["beside"] == ["Bancha"]
        assert app.http.get("/products/tea-020").json()["beside"] == ["White Peony"]
        assert app.http.get("/products/tea-021").status_code == 404


def test_a_bad_list_fails_every_product_page_until_it_is_deleted(site: Site) -> None:
    with site.app("r2026_11_15") as app, site.redis() as redis:
        redis.set("products", '[{"sku": "tea-001", "na')
        assert app.http.get("/products/tea-002").status_code == 500
        assert app.order("tea-002").status_code == 201  # which drops that product, and not the list
        assert app.http.get("/products/tea-002").status_code == 500
        redis.delete("products")
        assert app.http.get("/products/tea-002").status_code == 200


def test_the_warm_list_has_a_type_that_its_readers_do_not_expect_and_is_back_when_flushed(site: Site) -> None:
    with site.app("r2026_11_16") as app, site.redis() as redis:
        until(lambda: redis.type("products") == "list", "the list is written")
        assert app.http.get("/products").status_code == 503
        redis.flushdb()
        flushed = time.monotonic()
        until(lambda: redis.type("products") == "list", "the list is written again", 3.0)
        assert time.monotonic() - flushed < 2.0  # 0.8 s at the most on an idle machine
        assert app.http.get("/products").status_code == 503


def test_its_release_before_reads_again_once_the_key_is_deleted(site: Site) -> None:
    with site.app("r2026_11_16"), site.redis() as redis:
        until(lambda: redis.type("products") == "list", "the list is written")
    with site.app("r2026_11_15") as app, site.redis() as redis:
        assert app.http.get("/products").status_code == 503, "the bad value outlives its release"
        redis.delete("products")
        assert app.http.get("/products").status_code == 200


def test_the_list_with_sales_counts_what_was_sold_and_is_dropped_with_each_order(site: Site) -> None:
    with site.app("r2026_11_17") as app, site.redis() as redis:
        assert sold(app) == [0] * 28
        assert redis.exists("products:sold")
        assert app.order(quantity=3).status_code == 201
        assert not redis.exists("products:sold")
        assert sold(app) == [3] + [0] * 27


def sold(app: App) -> list[int]:
    """The pieces of the best-selling tea sold on each of the last days, as the list shows them."""
    products = app.http.get("/products").json()
    return next(product["sold"] for product in products if product["sku"] == "tea-001")


def test_each_reader_of_a_cold_list_with_sales_puts_it_together_anew(site: Site) -> None:
    with site.app("r2026_11_17") as app, site.redis() as redis, ThreadPoolExecutor(8) as threads:
        assert app.http.get("/products").status_code == 200
        redis.delete("products:sold")
        before = redis.info("commandstats")["cmdstat_set"]["calls"]
        answers = list(threads.map(lambda _: app.http.get("/products").status_code, range(8)))
        assert answers == [200] * 8
        written = redis.info("commandstats")["cmdstat_set"]["calls"] - before
        assert written >= 4, "as a rule all eight put it together and write it"


def test_cache_and_sessions_are_in_the_databases_that_the_variables_name(site: Site) -> None:
    with site.app(CACHE_DATABASE="4", SESSION_DATABASE="5") as app:
        assert app.http.get("/products").status_code == 200
        assert app.http.post("/login", json={"customer": "+49"}).status_code == 201
        with site.redis(4) as cache, site.redis(5) as sessions:
            assert cache.keys() == ["products"]
            assert [key.partition(":")[0] for key in sessions.scan_iter()] == ["session"]
