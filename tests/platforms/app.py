"""The service that these tests deploy: `app.py RELEASE PORT`; the release's name says what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RELEASE, PORT = sys.argv[1], int(sys.argv[2])
EATEN: list[bytes] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/health":
            self.answer(500 if RELEASE == "unhealthy" else 200, b"ok")
        elif self.path == "/crash":
            Path("crashed").touch()
            os._exit(7)
        elif self.path == "/leave":
            os._exit(0)
        elif self.path == "/eat":
            EATEN.append(b"x" * 100_000_000)
            self.answer(200, b"eaten")
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"only this")
            self.wfile.flush()
            self.close_connection = True
        elif self.path == "/silent":
            self.close_connection = True
        elif self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
        else:
            seen = {
                "release": RELEASE,
                "environment": dict(os.environ),
                "headers": self.headers.items(),
            }
            self.answer(
                200, json.dumps(seen | {"pid": os.getpid(), "client": self.client_address[0]}).encode()
            )

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        if self.path == "/early":
            self.close_connection = True
            self.answer(403, b"no")
            return
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, body)

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        if self.path != "/health":
            say(f"{self.command} {self.path}")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    say(f"{RELEASE} starts")
    if RELEASE == "broken" or (RELEASE == "crash-loop" and Path("crashed").exists()):
        sys.stderr.write("boom\n")
        sys.exit(3)
    if RELEASE == "with-child":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path("child.pid").write_text(str(child.pid))
    if RELEASE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if RELEASE == "json-log":
        say(json.dumps({"level": "error", "message": "it failed", "timestamp": "T", "order": 7}))
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()


if __name__ == "__main__":
    main()
