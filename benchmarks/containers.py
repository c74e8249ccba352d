"""What a stack in containers costs, beside plain testcontainers and beside the local backend.

`python -m benchmarks.containers` measures in turns, with the same images: a Docker stack from nothing to
serving, by the drill's own journal; three servers (PostgreSQL, Redis, one in Python) started by
testcontainers one after the other, each until it answers; and one whole drill on each backend. It exits 1
where an aim is missed: the stack may take no longer than the slowest of the three alone, and half a second.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import machine, tables
from benchmarks.planned import DRILL
from benchmarks.startup import COMMAND
from drillbook.docker import engine, images
from drillbook.docker.recipe import Images
from drillbook.events import PhaseStarted
from drillbook.journal import events, read

AIM_BEYOND_S = 0.5
_DEADLINE_S = 120.0
_POLL_S = 0.01
# What the official image's entry point does, for images that have none.
_POSTGRES = (
    "set -e; mkdir -p /data; chown postgres /data;"
    " as='setpriv --reuid postgres --regid postgres --init-groups --';"
    " PATH={bindir}:$PATH; $as initdb -D /data -A trust --no-locale -E UTF8 >/dev/null;"
    " echo 'host all all all trust' >> /data/pg_hba.conf;"
    " $as pg_ctl -D /data -w -o '-c listen_addresses=' start >/dev/null;"
    " $as psql -qc 'CREATE DATABASE orders'; $as pg_ctl -D /data -w -m fast stop >/dev/null;"
    " exec $as postgres -D /data -c listen_addresses='*'"
)


@dataclass(frozen=True)
class Part:
    """One of the three servers, as testcontainers is told of it."""

    name: str
    image: str
    command: list[str]
    ready: Callable[[Any], bool]


def parts(chosen: Images, bindir: str) -> list[Part]:
    """The three servers; the app is started on nothing that it would wait for."""
    serve = (
        "from http.server import *; ThreadingHTTPServer(('', 8000), SimpleHTTPRequestHandler).serve_forever()"
    )
    return [
        Part("PostgreSQL", chosen.postgres, ["sh", "-c", _POSTGRES.format(bindir=bindir)], _postgres_answers),
        Part("Redis", chosen.redis, ["redis-server", "--protected-mode", "no"], _redis_answers),
        Part("a Python server", chosen.app, ["python3", "-c", serve], _python_answers),
    ]


def _exec(container: Any, *argv: str) -> bool:
    return int(container.get_wrapped_container().exec_run(list(argv)).exit_code) == 0


def _postgres_answers(container: Any) -> bool:
    return _exec(container, "pg_isready", "-q", "-h", "127.0.0.1")


def _redis_answers(container: Any) -> bool:
    return _exec(container, "redis-cli", "ping")


def _python_answers(container: Any) -> bool:
    probe = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000')"
    return _exec(container, "python3", "-c", probe)


def plain(chosen: Images, bindir: str) -> dict[str, float]:
    """Start the three one after the other; what each took until it answered, in seconds."""
    from testcontainers.core.config import testcontainers_config  # noqa: PLC0415  slow to import
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415

    testcontainers_config.ryuk_disabled = True
    took: dict[str, float] = {}
    started = []
    try:
        for part in parts(chosen, bindir):
            began = time.monotonic()
            container = DockerContainer(part.image).with_command(part.command)
            container.with_kwargs(entrypoint=["env"], labels={"org.drillbook.benchmark": "1"})
            started.append(container)
            container.start()
            while not part.ready(container):
                if time.monotonic() - began > _DEADLINE_S:
                    raise SystemExit(f"{part.name} does not answer")
                time.sleep(_POLL_S)
            took[part.name] = time.monotonic() - began
    finally:
        for container in started:
            container.stop()
    return took


def drill(folder: Path, backend: str) -> tuple[float, float]:
    """Run one drill: its boot by its own journal, and the whole command, in seconds."""
    argv = [
        str(COMMAND),
        "run",
        DRILL,
        "--no-control",
        "--no-history",
        "--backend",
        backend,
        "--out",
        str(folder),
    ]
    began = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    wall_s = time.monotonic() - began
    if done.returncode != 0:
        raise SystemExit(f"the drill failed:\n{done.stdout}{done.stderr}")
    phases = events(read(next(folder.glob("*/journal.jsonl"))), PhaseStarted)
    return phases[1][0].t - phases[0][0].t, wall_s


def main() -> int:
    """Measure and tell; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.containers", description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, metavar="N")
    options = parser.parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    client = engine.connect()
    chosen = images.choose(client)
    images.ensure(client, chosen)
    bindir = images.postgres_image(client, chosen.postgres).bindir
    others = machine.Others(60.0)
    alone: dict[str, list[float]] = {}
    boots: dict[str, list[float]] = {"local": [], "docker": []}
    walls: dict[str, list[float]] = {"local": [], "docker": []}
    with tempfile.TemporaryDirectory(prefix="drillbook-bench-") as name:
        for backend in boots:
            drill(
                Path(name) / f"warming-{backend}", backend
            )  # what the first drill makes is there from then on
        for n in range(options.repeat):
            others.wait_until_quiet()
            for part, seconds in plain(chosen, bindir).items():
                alone.setdefault(part, []).append(seconds)
            for backend, found in boots.items():
                others.wait_until_quiet()
                boot_s, wall_s = drill(Path(name) / f"{backend}-{n}", backend)
                found.append(boot_s)
                walls[backend].append(wall_s)
    client.close()
    in_turn = [sum(each) for each in zip(*alone.values(), strict=True)]
    console.print(
        f"machine   {machine.describe()}\nengine    {engine_name()}\nimages    {', '.join(chosen.all())}"
    )
    rows = {f"testcontainers: {part}": values for part, values in alone.items()}
    rows["testcontainers: all three, one after the other"] = in_turn
    rows["drillbook: a stack in containers, until it serves"] = boots["docker"]
    rows["drillbook: the local stack, until it serves"] = boots["local"]
    console.print(tables.figures("From nothing to serving", rows))
    console.print(
        tables.figures(
            f"From the command to the verdict, {DRILL}, without its control",
            {f"--backend {backend}": values for backend, values in walls.items()},
        )
    )
    bound_s = max(statistics.median(values) for values in alone.values()) + AIM_BEYOND_S
    boot_s = statistics.median(boots["docker"])
    aim = (
        f"a stack in containers: within {bound_s * 1000:.0f} ms",
        f"{boot_s * 1000:.0f}",
        boot_s <= bound_s,
    )
    console.print(tables.aims([aim]))
    console.print(f"The machine was {others.describe()}")
    return 0 if aim[2] else 1


def engine_name() -> str:
    """The engine, as `drillbook doctor` has it."""
    client = engine.connect()
    try:
        return engine.describe(client)
    finally:
        client.close()


if __name__ == "__main__":
    sys.exit(main())
