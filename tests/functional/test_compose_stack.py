"""The example of a team's compose file: its services as they stand, in containers of a drill's own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.functional.conftest import Done, Team, jobs

from drillbook.docker.watcher import left

if TYPE_CHECKING:
    from docker import DockerClient

    from drillbook.docker.recipe import Images

pytestmark = [pytest.mark.docker, pytest.mark.compose, pytest.mark.whole]
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "compose"
PASSWORD = "a-password-of-the-teams"
# What the example's own Dockerfile makes, where no registry is reached.
DOCKERFILE = "FROM {base}\nWORKDIR /srv\nCOPY app.py .\nUSER 1000\n"
# Run in the app's container before it serves: whatever else than the servers takes a connection is a way out.
ESCAPE = """
import socket
import sys

first = sys.argv[1].rpartition(":")[2]
ours = ".".join(socket.gethostbyname(socket.gethostname()).split(".")[:2])
for host, port in [*(address.split(":") for address in sys.argv[1:]), (ours + ".0.1", first)]:
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError as error:
        print("kept in:", host, error)
    else:
        sys.exit(f"out, to {host}")
socket.create_connection(("db", 5432), 1).close()
socket.create_connection(("cache", 6379), 1).close()
"""


@pytest.fixture
def project(team: Team, engine_images: Images, monkeypatch: pytest.MonkeyPatch) -> Team:
    """The example, with images that are here."""
    shutil.copytree(EXAMPLE, team.folder, dirs_exist_ok=True)
    (team.folder / "Dockerfile").write_text(DOCKERFILE.format(base=engine_images.app))
    monkeypatch.setenv("POSTGRES_IMAGE", engine_images.postgres)
    monkeypatch.setenv("REDIS_IMAGE", engine_images.redis)
    monkeypatch.setenv("NOTES_PASSWORD", PASSWORD)
    return team


# What other teams' files have: the superuser's own name, an alias, a password in a shell's command, a script.
OTHERS = {
    "postgresql://notes:${NOTES_PASSWORD:-only-for-development}@db:5432/notes": "postgresql://postgres:postgres@sql/postgres",
    "      POSTGRES_USER: notes\n": "",
    "${NOTES_PASSWORD:-only-for-development}": "postgres",
    "      - data:": "      - ./second.sh:/docker-entrypoint-initdb.d/second.sh:ro\n      - data:",
    "  db:\n": "  db:\n    networks: {default: {aliases: [sql]}}\n",
    "redis://cache": "redis://:redis@cache",
    "redis-server --maxmemory-policy allkeys-lru": 'sh -c "redis-server --requirepass $$PASS"',
    "  cache:\n": "  cache:\n    environment: {PASS: redis}\n",
}
SCRIPT = """#!/bin/bash
set -e
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<-EOSQL
  CREATE EXTENSION pg_stat_statements;
  COPY notes (text) FROM stdin;
from the script
\\.
EOSQL
"""


@pytest.fixture
def listener() -> Iterator[int]:
    """A port at which this machine takes connections on every address that it has."""
    with socket.create_server(("0.0.0.0", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):  # it is closed
                while True:
                    server.accept()[0].close()

        threading.Thread(target=accept, daemon=True).start()
        yield int(server.getsockname()[1])


def run(team: Team, *what: str) -> tuple[Done, list[dict[str, Any]]]:
    flags = ("--backend", "docker", "--no-control", "--out", "out", "--json", "results.json")
    done = team.drillbook("run", "drillbook.yaml", *what, *flags, "--jobs", str(jobs()))
    assert (team.folder / "results.json").exists(), done.stderr
    return done, json.loads((team.folder / "results.json").read_text())["drills"]


def test_a_compose_file_is_drilled_by_the_plan_that_init_writes(project: Team, engine: DockerClient) -> None:
    (project.folder / "drillbook.yaml").unlink()
    done = project.drillbook("init")
    assert done.stdout.splitlines()[-1].endswith("Next: drillbook run drillbook.yaml --backend docker"), (
        done.stderr
    )
    done, drills = run(project, "stuck-transactions", "redis-unavailable/auth-rotated")
    assert "docker-compose.yml:27: the service 'mail' is not started" in done.stderr
    verdicts = {f"{each['scenario']}/{each['variant']}": each["verdict"] for each in drills}
    assert verdicts["stuck-transactions/idle-past-threshold"] == "RESOLVED", drills
    # The runbook knows no cure of it; the app has felt it, or it would not have taken.
    assert verdicts["redis-unavailable/auth-rotated"] in ("NOT_RESOLVED", "STEP_BROKEN"), drills
    for drill in drills:
        folder = project.folder / drill["run_dir"]
        assert "app.py migrate" not in (folder / "logs" / "migrate.log").read_text(), "it did not fail"
        kept = [
            path for path in folder.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()
        ]
        assert kept == [], "the team's password is in no file that is kept"
    mark = json.loads((project.folder / "out" / "run.json").read_text())["mark"]
    assert left(engine, mark) == []


def test_the_app_from_a_compose_file_has_a_way_to_its_servers_and_no_other(
    project: Team, listener: int, engine: DockerClient
) -> None:
    file = project.folder / "docker-compose.yml"
    text = file.read_text()
    for before, after in OTHERS.items():
        assert before in text
        text = text.replace(before, after)
    (project.folder / "schema.sql").rename(project.folder / "first.sql")
    file.write_text(text.replace("schema.sql", "first.sql"))
    (project.folder / "second.sh").write_text(SCRIPT)
    (project.folder / "escape.py").write_text(ESCAPE)
    with (project.folder / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("COPY escape.py .\n")
    bridge = engine.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    hosts = {bridge, socket.gethostbyname(socket.gethostname()), "172.17.0.1", "172.18.0.1", "172.19.0.1"}
    ways = " ".join(f"{host}:{listener}" for host in sorted(hosts) if not host.startswith("127."))
    plan = project.folder / "drillbook.yaml"
    setup = f"  setup: python3 escape.py {ways} 192.0.2.1:80\n"
    text = plan.read_text().replace("  app: web\n", f"  app: web\n{setup}")
    power = "superusers who serve: SELECT count(*) FROM pg_roles WHERE rolname = current_user AND rolsuper"
    plan.write_text(text.replace("  invariants: {", f"  invariants: {{{power}, "))
    _, drills = run(project, "service-down/crash-at-boot")
    (drill,) = drills
    assert drill["verdict"] == "RESOLVED", drill["reason"]
    kept = {each["name"]: each["detail"] for each in drill["invariants"]}
    assert int(kept["no note is lost"].partition(",")[0]) >= 1
    assert kept["superusers who serve"] == "0, and 0 before the fault"
    log = (project.folder / drill["run_dir"] / "logs" / "setup.log").read_text()
    assert log.count("kept in:") == len(ways.split()) + 2


def test_what_can_not_be_read_is_one_line_before_anything_boots(project: Team) -> None:
    file = project.folder / "docker-compose.yml"
    file.write_text(file.read_text().replace("command: python3 app.py\n", "comand: python3 app.py\n", 1))
    done = project.drillbook("run", "drillbook.yaml", "--backend", "docker", "--out", "out")
    assert (done.exit_code, len(done.stderr.splitlines())) == (4, 1), done.stderr
    assert f"{os.sep}docker-compose.yml:5: Compose can't read it: " in f"{os.sep}{done.stderr}"
    assert not (project.folder / "out").exists()


def test_without_containers_it_is_not_applicable(project: Team) -> None:
    drill = project.drill("drillbook.yaml", "service-down/crash-at-boot", "--out", "out")
    assert (drill["verdict"], drill["exit"]) == ("NOT_APPLICABLE", 5), drill["reason"]
    assert "comes from a compose file" in drill["reason"] or "from a compose file" in drill["reason"]
