"""Clients who begin an order and send the rest of it a byte at a time, for as long as they are listened to.

Each counts when its connection is over: by the status that it got, or by how it ended.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from gevent import socket  # type: ignore[import-untyped]  # it comes without types
from locust import User, constant, task

LENGTH = 1000
EVERY_S = 0.5
HEAD = (
    "POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
    f"Content-Length: {LENGTH}\r\n\r\n"
)


class Dawdler(User):
    """One of them."""

    wait_time = constant(0)

    @task
    def order(self) -> None:
        """Begin an order."""
        began = time.monotonic()
        failure: Exception | None = None
        try:
            self._send()
        except OSError as error:
            failure = error
        self.environment.events.request.fire(
            request_type="SLOW",
            name="/orders",
            response_time=(time.monotonic() - began) * 1000,
            response_length=0,
            exception=failure,
        )

    def _send(self) -> None:
        """Send a byte at a time until there is an answer.

        Raises:
            OSError: the answer is an error, or the connection was cut off.
        """
        where = urlsplit(str(self.host))
        sock = socket.create_connection((where.hostname, where.port), 2.0)
        try:
            sock.sendall(HEAD.encode())
            for _ in range(LENGTH):
                answer = _receive(sock)
                if answer is not None:
                    raise OSError(f"HTTP {answer.split(b' ')[1].decode()}" if b" " in answer else "cut off")
                sock.sendall(b" ")
        finally:
            sock.close()


def _receive(sock: socket.socket) -> bytes | None:
    """What comes within the pause between two bytes; None if nothing does."""
    sock.settimeout(EVERY_S)
    try:
        return bytes(sock.recv(64))
    except TimeoutError:
        return None
