"""Serves a release: `python serve.py RELEASE --port N [--host HOST]`, such as `serve.py r2026_11_2`.

It does what `python -m uvicorn --factory releases.RELEASE:create_app` does, and bounds the end: on SIGTERM a
request gets a moment to be finished, and the process ends within a second, whatever its requests wait for.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import uvicorn

HOST = "127.0.0.1"
GRACE_S = 0.4
END_S = 0.9


class Server(uvicorn.Server):
    """A server that ends in time."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; after `END_S` seconds SIGALRM, whose default is to kill, cuts it off."""
        signal.setitimer(signal.ITIMER_REAL, END_S)
        super().handle_exit(sig, frame)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 1 where the service does not start."""
    parser = argparse.ArgumentParser(description="Serve a release of the order service.")
    parser.add_argument("release")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    parser.add_argument("--host", default=HOST, help="The address that it listens on. Default: the loopback.")
    options = parser.parse_args(arguments)
    config = uvicorn.Config(
        f"releases.{options.release}:create_app",
        factory=True,
        host=options.host,
        port=options.port,
        access_log=False,
        log_level="warning",
        proxy_headers=False,  # who the client is, is for the service to say
        # Whole seconds by its type; it is waited for as any number is.
        timeout_graceful_shutdown=GRACE_S,  # type: ignore[arg-type]
    )
    server = Server(config)
    try:
        server.run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, END_S)  # nothing that is left may keep the process
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
