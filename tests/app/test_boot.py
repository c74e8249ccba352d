"""How a release starts and ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.app.fixtures import Shared
from tests.app.servers import APP, App, Site, client, command, free_port, listens, until


def test_a_missing_variable_is_one_line_and_exit_code_1(site: Site) -> None:
    argv = command("r2026_11_2", free_port())
    environment = site.environment({"REDIS_URL": ""})
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=15, check=False)
    assert done.returncode == 1
    line = json.loads(done.stdout)
    assert (line["level"], line["msg"]) == ("critical", "the variable REDIS_URL is not set")
    assert done.stderr == ""


@pytest.mark.whole
def test_it_serves_within_a_second(site: Site) -> None:
    with site.app():
        pass  # makes the tables, and the byte code
    began = time.monotonic()
    with site.app():
        assert time.monotonic() - began < 1.0  # 0.25 s on an idle machine


def test_replicas_that_start_together_make_the_tables_once(site: Site) -> None:
    def start(_: int) -> App:
        return apps.enter_context(site.app())

    with ExitStack() as apps, ThreadPoolExecutor(3) as threads:
        started = list(threads.map(start, range(3)))
        assert {len(app.http.get("/products").json()) for app in started} == {20}
        assert {app.order().status_code for app in started} == {201}


def test_it_starts_while_the_tables_are_locked(site: Site) -> None:
    with site.app():
        pass
    with site.connect() as connection:
        connection.execute("LOCK TABLE products, orders IN ACCESS EXCLUSIVE MODE")
        with site.app() as app:
            assert app.http.get("/health").status_code == 200
        connection.rollback()


def test_it_starts_without_its_database_and_recovers(site: Site, tmp_path: Path) -> None:
    late = f"late_{time.monotonic_ns()}"
    url = site.postgres.url(late)
    port, log = free_port(), tmp_path / "log"
    with ExitStack() as ends:
        out = ends.enter_context(log.open("wb"))
        process = ends.enter_context(
            subprocess.Popen(
                command("r2026_11_2", port),
                env=site.environment({"DATABASE_URL": url}),
                stdout=out,
            )
        )
        ends.callback(process.kill)
        until(lambda: listens(port), "it listens")
        http = ends.enter_context(client(port))
        assert http.get("/health").status_code == 503
        until(lambda: b"can't be migrated yet" in log.read_bytes(), "the log says so")
        with site.postgres.connect(autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {late}".encode())
        until(lambda: http.get("/products").status_code == 200, "it serves products")


def test_it_ends_within_a_second_while_requests_wait_for_a_lock(site: Site) -> None:
    with (
        site.app(DB_STATEMENT_TIMEOUT_MS="20000") as app,
        ThreadPoolExecutor(3) as threads,
        site.connect() as connection,
    ):
        connection.execute("UPDATE products SET on_hand = on_hand WHERE sku = 'tea-001'")
        for _ in range(3):
            threads.submit(app.order)
        until(lambda: waiting(site) == 3, "three orders wait")
        assert seconds_to_end(app) < 1.5  # 0.6 s on an idle machine
        connection.rollback()


def test_it_ends_within_a_second_while_the_database_is_stopped(site: Site) -> None:
    with site.app() as app, ThreadPoolExecutor(1) as threads, site.connect() as watcher:
        rows = watcher.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'orders'")
        backends = [int(row[0]) for row in rows.fetchall()]
        try:
            for pid in backends:
                os.kill(pid, signal.SIGSTOP)
            threads.submit(app.http.get, "/products/tea-009")
            assert seconds_to_end(app) < 1.8  # 0.9 s at most on an idle machine
        finally:
            for pid in backends:
                os.kill(pid, signal.SIGCONT)


def waiting(site: Site) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
    with site.postgres.connect() as connection:
        row = connection.execute(query, (site.database,)).fetchone()
    return int(row[0]) if row else 0


def seconds_to_end(app: App) -> float:
    began = time.monotonic()
    app.process.terminate()
    app.process.wait(10)
    return time.monotonic() - began


def test_its_connections_say_whose_they_are(shared: Shared) -> None:
    shared.app.order()
    with shared.site.connect() as connection:
        names = connection.execute(
            "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = %s AND pid <> %s",
            (shared.site.database, connection.info.backend_pid),
        ).fetchall()
    assert names == [("orders",)]


def test_the_release_can_be_started_by_uvicorn_as_well(site: Site, tmp_path: Path) -> None:
    port = free_port()
    argv = [sys.executable, "-m", "uvicorn", "--app-dir", str(APP), "--factory"]
    argv += ["releases.r2026_11_2:create_app", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(
        [*argv, "--no-access-log", "--log-level", "warning"], env=site.environment({}), cwd=tmp_path
    ) as process:
        try:
            until(lambda: listens(port), "uvicorn listens")
            with client(port) as http:
                assert http.get("/health").status_code == 200
        finally:
            process.terminate()
            process.wait(5)
