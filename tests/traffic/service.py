"""A service for traffic to go to, in a thread of the test: it remembers who asked for what."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    """What a client sent, and from where."""

    address: str
    method: str
    path: str
    body: str


@dataclass(frozen=True)
class Answer:
    """What it is answered. A length in `headers` is said and not kept, for there is never a body."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    never: bool = False  # no answer at all, on a connection that stays open


@dataclass
class Service:
    """A running service."""

    url: str
    requests: list[Request] = field(default_factory=list)

    def sent(self, address: str) -> list[tuple[str, str, str]]:
        """What came from one address, in order."""
        return [(r.method, r.path, r.body) for r in self.requests if r.address == address]


@contextmanager
def service(answer: Callable[[Request], Answer] = lambda _: Answer()) -> Iterator[Service]:
    """A service on a free port, which answers as `answer` says."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            request = Request(self.client_address[0], self.command, self.path, body)
            shown.requests.append(request)
            wanted = answer(request)
            if wanted.never:
                self.rfile.read(1)  # until the client goes
                self.close_connection = True
                return
            self.send_response(wanted.status)
            for name, value in ({"Content-Length": "0"} | wanted.headers).items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST = handle_one  # noqa: N815  the names that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """A client that is gone, as customers are at the end, is nothing to tell."""

    with Server(("127.0.0.1", 0), Handler) as server:
        shown = Service(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield shown
        finally:
            server.shutdown()
            thread.join(5)
