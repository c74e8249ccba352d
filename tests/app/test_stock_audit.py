"""The bad release: its audit keeps its lock, and takes it again when its session is killed."""

from __future__ import annotations

import time

from tests.app.servers import Site, until

HOLDERS = """
SELECT pid FROM pg_stat_activity a
WHERE application_name = 'stock-audit' AND datname = current_database()
  AND state = 'idle in transaction'
  AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND granted AND locktype = 'transactionid'
              AND mode = 'ExclusiveLock')
"""


def holders(site: Site) -> list[int]:
    with site.connect() as connection:
        return [int(row[0]) for row in connection.execute(HOLDERS).fetchall()]


def test_the_bad_release_locks_the_best_seller_and_again_within_a_second_when_killed(site: Site) -> None:
    with site.app("r2026_11_3", DB_STATEMENT_TIMEOUT_MS="300") as app:
        until(lambda: len(holders(site)) == 1, "the audit holds its lock")
        assert app.order("tea-001").status_code == 503
        assert app.order("tea-002").status_code == 201
        (first,) = holders(site)
        with site.connect() as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", (first,))
        killed = time.monotonic()
        until(lambda: holders(site) not in ([], [first]), "the audit holds its lock again", 3.0)
        assert time.monotonic() - killed < 1.5  # 0.4 s on an idle machine
        assert app.order("tea-001").status_code == 503


def test_the_release_before_it_cures_it(site: Site) -> None:
    with site.app("r2026_11_3"):
        until(lambda: len(holders(site)) == 1, "the audit holds its lock")
    with site.app("r2026_11_2") as app:
        assert app.order("tea-001").status_code == 201
        assert holders(site) == []
