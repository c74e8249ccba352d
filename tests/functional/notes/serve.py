"""A small app that is not the shop: one note can be read and written, in PostgreSQL and past Redis.

How it misbehaves is in MISBEHAVES: `at boot`, `later`, `errors`, `slow` or `leak`.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import redis

BUG = os.environ.get("MISBEHAVES", "")
LEAK: list[bytes] = []


class Handler(BaseHTTPRequestHandler):
    """Answers with the note; a PUT writes it anew."""

    def do_GET(self) -> None:
        """Read the note, unless there is no table of notes."""
        if BUG == "leak":
            LEAK.append(b"x" * (16 << 20))
        if BUG == "slow":
            time.sleep(0.8)  # what this bug is
        self._answer("SELECT text FROM note" if os.environ.get("TABLE", "yes") == "yes" else "SELECT 'none'")

    def do_PUT(self) -> None:
        """Write the note."""
        self._answer("UPDATE note SET text = 'written' RETURNING text")

    def _answer(self, sql: str) -> None:
        if BUG == "errors" and self.path != "/health":
            self._say(500, "it misbehaves")
            return
        try:
            with psycopg.connect(os.environ["DATABASE"], connect_timeout=2) as connection:
                row = connection.execute(sql.encode()).fetchone()
            with redis.Redis.from_url(os.environ["CACHE"], socket_timeout=0.4) as cache:
                cache.set("last", "1", ex=5)
            self._say(200, str(row))
        except (psycopg.Error, redis.RedisError) as error:
            sys.stdout.write(f"error: {error}\n")
            self._say(503, "no note")

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


if BUG == "at boot":
    sys.exit("it misbehaves at boot")
if BUG == "later":
    threading.Timer(0.7, os._exit, [3]).start()
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
