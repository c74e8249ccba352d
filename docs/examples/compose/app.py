"""Notes: the newest can be read, and one can be written. It knows nothing of drills.

`app.py migrate` brings the database up to date; without a word it serves, on port 8000.
"""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import redis
from psycopg_pool import ConnectionPool

SINCE = "ALTER TABLE notes ADD COLUMN IF NOT EXISTS written timestamptz NOT NULL DEFAULT now()"
FIRST = "INSERT INTO notes (text) SELECT 'the first' WHERE NOT EXISTS (SELECT FROM notes)"
NEWEST = "SELECT text FROM notes ORDER BY id DESC LIMIT 1"
POOL = ConnectionPool(
    os.environ["DATABASE_URL"],
    min_size=2,
    max_size=10,
    timeout=1.0,
    kwargs={"options": "-c statement_timeout=1500", "connect_timeout": 2},
    check=ConnectionPool.check_connection,
    open=False,
)
CACHE = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=0.4)


class Handler(BaseHTTPRequestHandler):
    """Answers with the newest note; a PUT writes one."""

    def do_GET(self) -> None:
        """Read the newest note."""
        self._answer(NEWEST)

    def do_PUT(self) -> None:
        """Write a note."""
        self._answer("INSERT INTO notes (text) VALUES ('another') RETURNING text")

    def _answer(self, statement: str) -> None:
        try:
            with POOL.connection() as connection:
                row = connection.execute(statement.encode()).fetchone()
            CACHE.incr("visits")
        except (psycopg.Error, redis.RedisError) as error:
            sys.stdout.write(f"error: {error}\n")
            self._say(503, "no note")
        else:
            self._say(200, str(row))

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's own name
        """Say nothing of each request."""


class Server(ThreadingHTTPServer):
    """Takes many who come at once."""

    daemon_threads = True
    request_queue_size = 128


def main(words: list[str]) -> None:
    """Bring the database up to date, or serve."""
    if words == ["migrate"]:
        with POOL, POOL.connection() as connection:
            connection.execute(SINCE)
            connection.execute(FIRST)
        return
    if os.environ.get("SETTINGS"):
        sys.exit(f"there are no settings {os.environ['SETTINGS']!r}")
    POOL.open()
    Server(("0.0.0.0", 8000), Handler).serve_forever()  # noqa: S104  of its container


main(sys.argv[1:])
