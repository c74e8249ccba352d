"""An engine that is reached over TCP, and one that is on another machine."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from tests.functional.conftest import Team

from drillbook.docker.engine import LOCAL_SOCKET, address

pytestmark = pytest.mark.functional
END_S = 10.0


def pipe(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what comes, and then that nothing more does."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


class Forwarder(socketserver.BaseRequestHandler):
    """One connection to the engine of this machine."""

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(LOCAL_SOCKET.removeprefix("unix://"))
            back = threading.Thread(target=pipe, args=(engine, self.request))
            back.start()
            pipe(self.request, engine)
            back.join()


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def over_tcp() -> Iterator[str]:
    """The address of a forwarder on the loopback to the engine of this machine."""
    with Server(("127.0.0.1", 0), Forwarder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(END_S)


@pytest.mark.docker
@pytest.mark.usefixtures("engine_images")
def test_drills_run_over_tcp_on_the_engine_of_this_machine(team: Team) -> None:
    assert address() == LOCAL_SOCKET
    plan = str(team.write())
    file = team.folder / "results.json"
    with over_tcp() as where:
        flags = ("--backend", "docker", "--no-control", "--json", str(file))
        done = team.drillbook("run", plan, *flags, environment={"DOCKER_HOST": where})
    assert done.exit_code == 0, done.stderr + done.stdout
    (drill,) = json.loads(file.read_text())["drills"]
    assert drill["verdict"] == "RESOLVED"
    assert where in drill["versions"]["engine"]


@pytest.mark.parametrize("where", ["tcp://192.0.2.7:2376", "ssh://oncall@far.test"])
def test_an_engine_on_another_machine_is_refused_in_one_line_that_says_where_it_is(
    team: Team, where: str
) -> None:
    plan = str(team.write())
    done = team.drillbook("run", plan, "--backend", "docker", environment={"DOCKER_HOST": where})
    assert (done.exit_code, done.stdout) == (4, "")
    assert done.stderr.startswith(f"drillbook: the Docker engine is at {where}, on another machine")
    assert done.stderr.count("\n") == 1
    assert not (team.folder / "drillbook-results").exists()
