"""Runs a locustfile, in a process of its own: `python -m drillbook.traffic.runner LOCUSTFILE URL ...`.

Locust replaces parts of the standard library when it is imported, so nothing but this process imports it.
Each line of standard output is JSON: first `{"ready": true}` or `{"error": ..., "line": ...}`, then what the
customers saw every 200 ms, at last `{"ended": why}`. The customers come when a line is read from standard
input; it ends when that ends, at the latest when the time limit is up. What the locustfile prints goes to
standard error.
"""

from __future__ import annotations

import locust  # isort: skip  before all else: it makes blocking calls cooperative

import argparse
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]  # it comes without types
from gevent import event, socket
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.runners import LocalRunner
from locust.util.load_locustfile import load_locustfile

from drillbook.model import to_json
from drillbook.traffic.addresses import Addresses
from drillbook.traffic.customers import Chances, Customers
from drillbook.traffic.window import Window

EVERY_S = 0.2
QUIT_S = 1.0
_BURST_S = 0.25
_CREATED = 201
_MOST_SPAWNS_PER_S = 100  # Locust's own advice


class Pace:
    """Keeps all customers together to `rate_per_s` requests a second: each waits after its request."""

    def __init__(self, rate_per_s: float) -> None:
        self._gap_s = 1 / rate_per_s
        self._next = 0.0

    def wait(self) -> None:
        """Wait until the next request may be sent."""
        now = time.monotonic()
        self._next = max(self._next, now - _BURST_S) + self._gap_s
        if self._next > now:
            gevent.sleep(self._next - now)


class Runner:
    """Runs the users of one locustfile and tells what they see.

    Args:
        environment: Locust's, with the users and the host.
        customers: takes the users that Locust lets in.
        out: the file descriptor that takes the lines.
        rate_per_s: the bound on the requests a second.
        network: where the customers' addresses are from.
        announce: whether customers say their address in place of connecting from it.
    """

    def __init__(
        self,
        environment: Environment,
        customers: Customers,
        out: int,
        *,
        rate_per_s: float,
        network: IPv4Network,
        announce: bool = False,
    ) -> None:
        self._environment = environment
        self._customers = customers
        self._out = out
        self._window = Window()
        self._pace = Pace(rate_per_s)
        self._network = network
        self._announce = announce
        self._go = event.Event()
        self._over = event.Event()
        self._reason = ""

    def run(self, users: int, limit_s: float) -> None:
        """Run `users` users for no more than `limit_s` seconds."""
        environment = self._environment
        runner = environment.create_local_runner()
        runner.user_greenlets = self._customers
        Addresses(self._customers.current, self._network, announce=self._announce).install()
        hooks: Any = environment.events  # they come without types
        hooks.request.add_listener(self._count)
        hooks.test_stop.add_listener(lambda **_: self.end("the locustfile ended the test"))
        hooks.init.fire(environment=environment, runner=runner, web_ui=None)
        gevent.spawn(self._watch_input)
        gevent.signal_handler(signal.SIGTERM, self.end, "it was told to")
        gevent.spawn_later(limit_s, self.end, "the time limit was up")
        self.tell({"ready": True})
        self._go.wait()
        if not self._over.is_set():
            self._begin(runner, users)
        while not self._over.wait(EVERY_S):
            self._tell_window()
        reason = self._reason
        with gevent.Timeout(QUIT_S, False):  # noqa: FBT003  gevent's way to say: do not raise
            runner.quit()
        self._tell_window()
        self.tell({"ended": reason})

    def _begin(self, runner: LocalRunner, users: int) -> None:
        if self._environment.shape_class is not None:
            runner.start_shape()
        else:
            runner.start(users, min(users, _MOST_SPAWNS_PER_S))

    def end(self, reason: str) -> None:
        """Make `run` return soon."""
        self._reason = self._reason or reason
        self._over.set()
        self._go.set()

    def tell(self, line: object) -> None:
        """Write one line."""
        data = (json.dumps(line) + "\n").encode()
        try:
            while data:
                data = data[os.write(self._out, data) :]
        except BrokenPipeError:
            self.end("nobody reads what it tells")

    def _tell_window(self) -> None:
        self.tell(to_json(self._window.take()))

    def _watch_input(self) -> None:
        while True:
            socket.wait_read(0)
            if not os.read(0, 4096):
                break
            self._go.set()
        self.end("its standard input ended")

    def _count(
        self,
        *,
        request_type: str,
        response_time: float,
        response: Any = None,
        exception: Exception | None = None,
        **_: object,
    ) -> None:
        status = getattr(response, "status_code", None)
        # A client without an HTTP status counts by its exception; Locust's own say 0 where none came.
        answered = bool(status) if status is not None else exception is None
        self._window.add(
            latency_s=response_time / 1000 if answered else None,
            failure=None if exception is None else _reason(status, exception),
            acknowledged=_created(response) if request_type == "POST" and status == _CREATED else None,
        )
        self._pace.wait()


def _created(response: Any) -> str | None:
    """The last segment of the Location that the answer gives, or None."""
    location = (response.headers or {}).get("Location")
    return str(location).rstrip("/").rpartition("/")[2] or None if location else None


def _reason(status: int | None, exception: Exception) -> str:
    if status and status >= 400:  # noqa: PLR2004  the errors of HTTP
        return f"HTTP {status}"
    if _timed_out(exception):
        return "timed out"
    first = getattr(exception, "original", exception)  # FastHttpUser's client puts the URL before it
    return str(first) or type(first).__name__


def _timed_out(exception: BaseException) -> bool:
    """Whether a timeout is what an HTTP client has wrapped, if not what it raised."""
    inner: BaseException | None = getattr(exception, "original", exception)
    while inner is not None and not isinstance(inner, TimeoutError):
        inner = inner.__cause__ or inner.__context__
    return inner is not None


class LocustfileError(Exception):
    """Raised when a locustfile can't be used; `line` is where, if that is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def load(path: Path, url: str, *, users: int, limit_s: float) -> Environment:
    """The environment in which the locustfile's users run, with its own options at their defaults.

    Raises:
        LocustfileError: it does not load, or has no users.
    """
    try:
        user_classes, shapes = load_locustfile(str(path))
        options = get_parser(default_config_files=[]).parse_args([])
        options.headless, options.host, options.locustfile = True, url, str(path)
        options.num_users, options.spawn_rate, options.run_time = users, users, limit_s
        environment = Environment(
            user_classes=list(user_classes.values()),
            shape_class=shapes[0] if shapes else None,
            events=locust.events,
            host=url,
            locustfile=path.name,
            parsed_options=options,
        )
    except (Exception, SystemExit) as error:
        raise LocustfileError(f"{type(error).__name__}: {error}", _line(path, error)) from error
    if not environment.user_classes:
        raise LocustfileError("it has no user class")
    return environment


def _line(path: Path, error: BaseException) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 1 where the locustfile can't be used."""
    parser = argparse.ArgumentParser(prog="drillbook.traffic.runner")
    parser.add_argument("locustfile", type=Path)
    parser.add_argument("url")
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--limit", type=float, required=True, metavar="SECONDS")
    parser.add_argument("--rate", type=float, required=True, metavar="REQUESTS_PER_S")
    parser.add_argument("--network", type=IPv4Network, required=True)
    parser.add_argument("--announce", action="store_true")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    out = os.dup(1)
    os.dup2(2, 1)  # what the locustfile prints is no line of ours
    customers = Customers()
    # Before the locustfile is loaded, which may take a function by its name.
    Chances(customers.current, options.seed).install()
    try:
        environment = load(options.locustfile, options.url, users=options.users, limit_s=options.limit)
    except LocustfileError as error:
        traceback.print_exc()
        os.write(out, (json.dumps({"error": str(error), "line": error.line}) + "\n").encode())
        return 1
    runner = Runner(
        environment,
        customers,
        out,
        rate_per_s=options.rate,
        network=options.network,
        announce=options.announce,
    )
    runner.run(options.users, options.limit)
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(0)  # not held up by threads or greenlets that a locustfile leaves


if __name__ == "__main__":
    sys.exit(main())
