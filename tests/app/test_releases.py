"""The bad releases that are told by what they answer, or by how they end."""

from __future__ import annotations

import signal
import subprocess

import pytest
from tests.app.servers import Site, command, free_port, until

from drillbook.backends.local import release as described


def run_to_its_end(site: Site, release: str, **variables: str) -> tuple[int, str]:
    """The exit code and the output of a release that ends by itself."""
    done = subprocess.run(
        command(release, free_port()),
        env=site.environment(variables),
        cwd=site.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=15,
        check=False,
    )
    # On a busy machine its own alarm may cut off the end of a release that has failed already.
    return 1 if done.returncode == -signal.SIGALRM else done.returncode, done.stdout


def test_the_sales_report_ends_the_service_a_moment_after_it_serves(site: Site) -> None:
    code, output = run_to_its_end(site, "r2026_11_4")
    assert code in (1, -signal.SIGALRM), "by itself, or on a busy machine by the bound on its end"
    assert output.index('"msg": "serving"') < output.index("sales report: there is no folder /var/spool")


def test_the_sales_report_is_written_where_its_folder_is_there(site: Site) -> None:
    with site.app() as app:
        assert app.order("tea-003", 2).status_code == 201
    with site.app("r2026_11_4", REPORTS_FOLDER=str(site.folder)) as app:
        report = site.folder / "sales.csv"
        until(lambda: report.exists() and report.read_text() == "tea-003;2\n", "the report is written")
        assert app.order().status_code == 201


def test_without_the_file_of_countries_the_service_does_not_start(site: Site) -> None:
    code, output = run_to_its_end(site, "r2026_11_5", REPORTS_FOLDER=str(site.folder))
    assert code == 1
    assert "FileNotFoundError" in output
    assert "serving" not in output


def test_the_migration_fails_half_way_and_the_release_before_takes_no_orders(site: Site) -> None:
    with site.app() as app:
        app.http.post("/orders", json={"sku": "tea-001", "quantity": 1, "customer": "no number"})
    code, output = run_to_its_end(site, "r2026_11_6")
    assert (code, "psycopg.errors.CheckViolation" in output) == (1, True)
    code, output = run_to_its_end(site, "r2026_11_6")
    assert (code, 'column "on_hand" does not exist' in output) == (1, True)
    with site.app() as app:
        assert app.http.get("/health").status_code == 200
        assert app.order().status_code == 500
        with site.connect() as connection:
            connection.execute("ALTER TABLE products RENAME COLUMN unused_on_hand TO on_hand")
        assert app.order().status_code == 201


def test_a_rate_limit_by_port_fails_everything_but_the_health_check(site: Site) -> None:
    with site.app("r2026_11_7") as app:
        app.http.headers["X-Forwarded-For"] = "192.0.2.1"
        assert app.http.get("/health").status_code == 200
        assert app.http.get("/products/tea-002").status_code == 500
        assert app.order().status_code == 500
        app.http.headers["X-Forwarded-For"] = "192.0.2.1:4711"
        assert app.order().status_code == 201


def test_a_login_without_its_days_fails_and_nothing_else(site: Site) -> None:
    with site.app("r2026_11_8") as app:
        assert app.http.post("/login", json={"customer": "+49"}).status_code == 500
        assert app.http.post("/login", json={"customer": "+49", "days": 3}).status_code == 201
        assert app.order().status_code == 201
        assert app.http.get("/products").status_code == 200
    with site.redis(1) as redis:
        assert [redis.ttl(key) > 2 * 86400 for key in redis.keys("session:*")] == [True]


def test_the_warmed_list_is_bad_again_within_a_second_of_a_flush_and_outlives_its_release(site: Site) -> None:
    with site.redis() as redis:
        with site.app("r2026_11_9") as app:
            until(lambda: app.http.get("/products").status_code == 500, "the list is bad")
            redis.flushdb()
            assert app.http.get("/products/tea-002").status_code == 200
            until(lambda: app.http.get("/products").status_code == 500, "the list is bad again", 3.0)
        with site.app() as app:
            assert app.http.get("/products").status_code == 500
            assert redis.ttl("products") > 60
            redis.flushdb()
            assert app.http.get("/products").status_code == 200


@pytest.mark.parametrize("release", [f"r2026_11_{number}" for number in range(4, 10)])
def test_no_bad_release_gives_itself_away(release: str) -> None:
    message = described(release).message.lower()
    assert len(message) > 20
    assert not any(word in message for word in ("bad", "bug", "fault", "crash", "fail"))
