"""Where the engine is, and in one line why there is none."""

from __future__ import annotations

import hashlib
import http.server
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drillbook.docker import engine as module
from drillbook.docker.engine import EngineError, address, connect, describe, is_local, local_address
from drillbook.errors import InputError
from drillbook.model import ExitCode

if TYPE_CHECKING:
    from docker import DockerClient

NOBODY = 65534


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user without any setting of docker's; the folder where those would be."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()
    return tmp_path / "config"


def add_context(config: Path, name: str, host: str) -> None:
    folder = config / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
    (folder / "meta.json").write_text(json.dumps(meta), "utf-8")


@contextmanager
def listening(answer: bytes | None) -> Iterator[int]:
    """A server that is no engine: it gives `answer` to every request, or keeps silent."""
    if answer is None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            yield silent.getsockname()[1]
        return

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer or b"")))
            self.end_headers()
            self.wfile.write(answer or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(10)


# --------------------------------------------------------------------------- where it is


def test_without_any_setting_the_engine_is_at_the_local_socket() -> None:
    assert address() == "unix:///var/run/docker.sock"


def test_docker_host_goes_before_any_context(monkeypatch: pytest.MonkeyPatch, config: Path) -> None:
    add_context(config, "far", "ssh://me@far")
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    assert address() == "ssh://me@far"
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1:2376")
    assert address() == "tcp://10.0.0.1:2376"


def test_the_current_context_is_followed_as_the_docker_command_does(config: Path) -> None:
    add_context(config, "rootless", "unix:///run/user/1000/docker.sock")
    (config / "config.json").write_text('{"currentContext": "rootless"}', "utf-8")
    assert address() == "unix:///run/user/1000/docker.sock"


@pytest.mark.parametrize("host", ["far", "unix://", "ftp://far", "tcp:far"])
def test_a_docker_host_that_is_none_is_bad_usage(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(InputError, match="DOCKER_HOST can't be") as caught:
        connect()
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_context_that_is_not_there_is_bad_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "nowhere")
    with pytest.raises(InputError, match="there is no docker context 'nowhere'"):
        address()


def test_a_broken_configuration_of_docker_is_named(config: Path) -> None:
    (config / "config.json").write_text("{", "utf-8")
    with pytest.raises(InputError, match=r"config\.json: can't be read"):
        address()


@pytest.mark.parametrize(
    ("where", "local"),
    [
        ("unix:///var/run/docker.sock", True),
        ("http+docker://localhost", True),  # docker-py's name for a socket
        ("http+docker://ssh", False),
        ("tcp://localhost:2375", True),
        ("tcp://127.0.0.1:2375", True),
        ("tcp://[::1]:2375", True),
        ("tcp://192.0.2.1:2376", False),
        ("tcp://build.example:2376", False),
        ("ssh://me@localhost", False),  # may well be a forwarded port of another machine
    ],
)
def test_an_engine_is_local_behind_a_socket_or_on_the_loopback(where: str, *, local: bool) -> None:
    assert local_address(where) is local


# --------------------------------------------------------------------------- why there is none


def test_without_docker_py_the_hint_is_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(EngineError) as caught:
        connect()
    assert caught.value.render() == "docker-py is not installed (pip install 'drillbook[docker]')"


def test_no_engine_is_said_in_one_line_with_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(EngineError) as caught:
        connect()
    assert caught.value.message == f"no Docker engine at unix://{tmp_path}/none.sock"
    assert "DOCKER_HOST" in (caught.value.hint or "")
    assert caught.value.exit_code is ExitCode.HARNESS


def test_where_the_local_engine_is_missing_the_hint_is_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "LOCAL_SOCKET", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(EngineError, match=r"apt-get install docker\.io"):
        connect()
    dockerd = tmp_path / "dockerd"
    dockerd.touch(0o755)
    with pytest.raises(EngineError, match="run dockerd"):
        connect()


def test_a_port_that_nobody_serves_has_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(None) as port:
        pass
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
    with pytest.raises(EngineError, match=f"no Docker engine at tcp://127.0.0.1:{port}"):
        connect()


def test_a_host_that_is_not_there_is_said_to_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://engine.invalid:2375")
    with pytest.raises(EngineError, match="there is no such host"):
        connect()


def test_an_engine_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_ANSWER_S", 1.0)
    with listening(None) as port:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
        with pytest.raises(EngineError, match="does not answer within 1 s"):
            connect()


def test_what_is_no_engine_is_not_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(b"hello") as port:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{port}")
        with pytest.raises(EngineError, match="can't be used"):
            connect()


def test_who_may_not_use_the_engine_is_told_how_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    user = os.geteuid()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(0)
        if user == 0:
            os.seteuid(NOBODY)  # nothing is forbidden to root
        try:
            with pytest.raises(EngineError, match="this user may not use the Docker engine") as caught:
                connect()
        finally:
            os.seteuid(user)
    assert "usermod -aG docker" in (caught.value.hint or "")


def test_an_ssh_that_ends_is_to_be_tried_by_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(tmp_path, "raise SystemExit(255)")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@far")
    done = in_a_process("try: connect()\nexcept EngineError as error: print(error.render())")
    assert done == "no Docker engine at ssh://me@far: ssh ended (try: ssh me@far docker version)\n"


def in_a_process(code: str) -> str:
    """What `code` prints; in a process of its own, because docker-py leaves its ssh to the end of one."""
    done = subprocess.run(
        [sys.executable, "-c", f"from drillbook.docker.engine import *\n{code}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def stand_in(folder: Path, code: str) -> None:
    """Put an `ssh` into `folder` that is a program in Python."""
    path = folder / "ssh"
    path.write_text(f"#!{sys.executable}\n{code}\n", "utf-8")
    path.chmod(0o755)


# --------------------------------------------------------------------------- with an engine

BRIDGE = """
import socket, sys, threading
assert sys.argv[-2:] == ["far", "docker system dial-stdio"], sys.argv
scheme, _, place = {where!r}.partition("://")
if scheme == "unix":
    engine = socket.socket(socket.AF_UNIX)
    engine.connect(place)
else:
    host, _, port = place.rpartition(":")
    engine = socket.create_connection((host, int(port)))
def answers():
    while data := engine.recv(65536):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
threading.Thread(target=answers, daemon=True).start()
while data := sys.stdin.buffer.read1(65536):
    engine.sendall(data)
"""


@pytest.mark.docker
def test_the_engine_says_what_and_where_it_is(engine: DockerClient) -> None:
    version = engine.version()
    assert describe(engine).startswith(f"engine {version['Version']} (API {version['ApiVersion']}) at ")
    assert is_local(engine) == describe(engine).endswith(", on this machine")


@pytest.mark.docker
def test_an_engine_behind_ssh_is_reached_by_the_users_own_ssh(
    engine: DockerClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(tmp_path, BRIDGE.format(where=module._addresses[engine]))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@far")
    done = in_a_process("c = connect(); print(is_local(c), describe(c))")
    assert done.startswith("False engine ")
    assert done.endswith("at ssh://me@far, on another machine\n")
