"""Drills in containers: the same verdicts, no way out, and nothing left on the engine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.functional.conftest import Running, Team, left_behind, wait_for

from drillbook.docker import labels
from drillbook.docker.watcher import abandoned, left
from drillbook.journal import read
from drillbook.registry import scenarios

if TYPE_CHECKING:
    from docker import DockerClient

    from drillbook.docker.recipe import Images

pytestmark = pytest.mark.docker
PHASES = ("boot", "steady", "inject", "detect", "respond", "verify")
GONE_S = 30.0


def drills(team: Team, *flags: str) -> list[dict[str, Any]]:
    flags = (*flags, "--backend", "docker", "--out", "out", "--json", "results.json")
    done = team.drillbook("run", *flags)
    assert (team.folder / "results.json").exists(), done.stderr
    found: list[dict[str, Any]] = json.loads((team.folder / "results.json").read_text())["drills"]
    return found


def outputs(team: Team, drill: dict[str, Any]) -> list[str]:
    """What each step of the runbook printed, as the journal has it."""
    text = (team.folder / drill["run_dir"] / "journal.jsonl").read_text()
    entries = [json.loads(line) for line in text.splitlines()]
    return [entry["stdout"] + entry["stderr"] for entry in entries if entry["kind"] == "step-ended"]


def test_a_drill_in_containers_has_the_verdict_and_the_control_of_a_local_one(
    team: Team, engine: DockerClient, engine_images: Images
) -> None:
    plan = team.write()
    (drill,) = drills(team, str(plan))
    assert drill["verdict"] == "RESOLVED", drill["reason"]
    assert drill["control"]["verdict"] == "NOT_RESOLVED", drill["control"]
    assert drill["backend"] == "docker"
    assert drill["versions"]["postgres"] == engine_images.postgres
    report = (team.folder / drill["run_dir"] / "postmortem.md").read_text()
    assert engine_images.postgres in report
    mark = json.loads((team.folder / "out" / "run.json").read_text())["mark"]
    assert left(engine, mark) == []


@pytest.mark.whole
def test_each_scenarios_first_variant_ends_in_containers_as_the_plan_expects(
    team: Team, engine_images: Images
) -> None:
    del engine_images
    found = drills(team, "--no-control")
    told = {f"{drill['scenario']}/{drill['variant']}": drill["reason"] for drill in found}
    assert sorted(drill["scenario"] for drill in found) == sorted(scenarios())
    assert [drill["scenario"] for drill in found if not drill["expected"]] == [], told


def test_the_runbooks_commands_reach_the_drill_and_nothing_else(team: Team, engine_images: Images) -> None:
    del engine_images
    with socket.create_server(("0.0.0.0", 0)) as outside, own_addresses() as addresses:
        port = outside.getsockname()[1]
        tries = [f"{address}:{port}" for address in addresses] + ["192.0.2.1:80", "example.com:80"]
        shots = "; ".join(
            f"timeout 3 bash -c ': < /dev/tcp/{host}/{number}' && echo reached {host}"
            for host, number in (each.split(":") for each in tries)
        )
        plan = team.write()
        (team.folder / "runbook.md").write_text(
            "# Orders\n\n## Database Issues\n\n```bash\n"
            'psql "$DATABASE_URL" -Atc "SELECT \'reached the database\'"\n'
            f"{shots}\n"
            "ip route add default via 172.17.0.1 2>&1 || echo no way out can be made\n"
            "```\n"
        )
        (drill,) = drills(team, str(plan), "--no-control")
    printed = "\n".join(outputs(team, drill))
    assert drill["verdict"] == "STEP_BROKEN", "it can't run as written where there is no network"
    assert "reached the database" in printed
    assert printed.count("reached ") == 1, printed
    assert len(tries) > 2


@contextlib.contextmanager
def own_addresses() -> Iterator[list[str]]:
    """This machine's own addresses but for the loopback, which in a container is another's."""
    import psutil  # noqa: PLC0415

    yield [
        address.address
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if address.family is socket.AF_INET and not address.address.startswith("127.") and name != "lo"
    ]


def test_every_port_is_published_on_the_loopback_alone_and_everything_is_labelled(
    start: Callable[..., Running], engine: DockerClient
) -> None:
    running = start("--backend", "docker")
    running.wait_for_phase("detect")
    mark = running.mark()
    containers = engine.containers.list(filters={"label": f"{labels.RUN}={mark}"})
    assert {str(container.name).rpartition("-")[2] for container in containers} >= {
        "gate",
        "postgres",
        "redis",
        "provider",
        "operator",
    }
    bound = [at["HostIp"] for each in containers for ports in each.ports.values() for at in ports or ()]
    assert set(bound) == {"127.0.0.1"}
    assert all(each.labels[labels.OURS] == "1" and each.labels[labels.OWNER] for each in containers)
    assert mark not in abandoned(engine), "its command goes on"


@pytest.mark.parametrize("phase", PHASES)
def test_after_sigkill_nothing_is_left_on_the_engine(
    start: Callable[..., Running], engine: DockerClient, phase: str
) -> None:
    running = start("--backend", "docker")
    running.wait_for_phase(phase)
    mark = running.mark()
    running.process.kill()
    wait_for(lambda: left(engine, mark) == [], "every container and network is gone", GONE_S)
    wait_for(lambda: left_behind(mark) == [], "every process has ended", GONE_S)
    assert read(running.journal)
    done = running.team.drillbook("recover", "out")
    assert done.exit_code == 0, done.stderr
    result = json.loads((running.journal.parent / "result.json").read_text())
    assert "interrupted in phase" in result["reason"].lower()


def test_a_signal_ends_the_run_and_every_container(
    start: Callable[..., Running], engine: DockerClient
) -> None:
    running = start("--backend", "docker")
    running.wait_for_phase("detect")
    mark = running.mark()
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(40) == 2
    assert left(engine, mark) == []


@pytest.mark.whole
def test_runs_on_one_engine_leave_one_another_and_strangers_alone(
    tmp_path: Path, engine: DockerClient, engine_images: Images
) -> None:
    stranger = engine.containers.run(
        engine_images.app, ["sleep", "300"], detach=True, name=f"stranger-{os.getpid()}", network="none"
    )
    try:
        verdicts: dict[str, str] = {}

        def drill(name: str) -> None:
            folder = tmp_path / name
            folder.mkdir()
            own = Team(folder)
            (one,) = drills(own, str(own.write()), "--no-control")
            verdicts[name] = f"{one['verdict']}: {one['reason']}"

        threads = [threading.Thread(target=drill, args=(name,)) for name in ("one", "other")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(verdict.startswith("RESOLVED") for verdict in verdicts.values()), verdicts
        stranger.reload()
        assert stranger.status == "running"
    finally:
        stranger.remove(force=True)


def test_what_an_ended_command_left_is_removed_by_recover(
    team: Team, engine: DockerClient, engine_images: Images
) -> None:
    owner = f"{socket.gethostname()} 1 1.0"  # process 1 is another, and began at another time
    marks = labels.marks("0123456789abcdef", owner=owner)
    container = engine.containers.run(
        engine_images.app, ["sleep", "300"], detach=True, labels=marks, network="none"
    )
    network = engine.networks.create(f"left-{os.getpid()}", labels=marks)
    try:
        done = team.drillbook("recover")
        assert "0123456789abcdef" in done.stdout, done.stderr
        assert left(engine, "0123456789abcdef") == []
    finally:
        with contextlib.suppress(Exception):
            container.remove(force=True)
            network.remove()


def test_the_kernels_kill_is_in_the_post_mortem(team: Team, engine_images: Images) -> None:
    del engine_images
    (drill,) = drills(team, "memory-exhaustion/limit-too-low", "--no-control")
    assert drill["verdict"] == "RESOLVED", drill["reason"]
    report = (team.folder / drill["run_dir"] / "postmortem.md").read_text()
    assert "was killed by the kernel: out of memory" in report
