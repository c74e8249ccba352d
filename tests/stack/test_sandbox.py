"""The sandbox: what its inmates can see, reach and outlive."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from drillbook.stack import sandbox

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def run(script: str, *, writable: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    argv = sandbox.command(["bash", "-c", script], writable=writable, readable=(), environment=ENVIRONMENT)
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)


@pytest.fixture
def listener() -> Iterator[int]:
    """A port on this machine's loopback that something listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield int(server.getsockname()[1])


def test_a_sandbox_can_be_had_here() -> None:
    assert sandbox.reason_against() is None


def test_the_host_s_loopback_can_t_be_reached(listener: int) -> None:
    reach = f"exec 3<>/dev/tcp/127.0.0.1/{listener}"
    assert subprocess.run(["bash", "-c", reach], check=False, timeout=20).returncode == 0
    assert "Connection refused" in run(reach).stderr


def test_no_address_outside_can_be_reached() -> None:
    assert "Network is unreachable" in run("exec 3<>/dev/tcp/192.0.2.1/80").stderr


def test_sockets_of_the_host_s_services_are_not_there() -> None:
    # Python itself may lie in /tmp, and has to be seen.
    needed = {Path(entry).parts[2] for entry in (sys.prefix, *sys.path) if entry.startswith("/tmp/")}
    shown = run("ls -A /run /var/run /tmp").stdout.split()
    assert [name for name in shown if name not in needed] == ["/run:", "/tmp:", "/var/run:"]


def test_the_home_directory_is_hidden_but_for_what_python_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.NamedTemporaryFile("w", dir=Path.home()) as secret:
        assert run(f"cat {secret.name}").returncode != 0
        monkeypatch.setenv("HOME", "/nowhere")
        assert run(f"cat {secret.name}").returncode == 0, "it is the home directory that hides it"


def test_the_host_can_t_be_written() -> None:
    done = run("touch /etc/drillbook-was-here; touch /usr/drillbook-was-here")
    assert done.stderr.count("Read-only file system") == 2


def test_what_is_writable_is_written_on_the_host(tmp_path: Path) -> None:
    assert run(f"echo kept > {tmp_path}/file", writable=(tmp_path,)).returncode == 0
    assert (tmp_path / "file").read_text() == "kept\n"


def test_its_user_is_an_ordinary_one() -> None:
    assert run("id -u").stdout.strip() == str(sandbox.UID)


def test_nothing_of_the_caller_s_environment_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not yours")
    assert "AWS" not in run("env").stdout


def test_this_python_and_this_package_run_in_it() -> None:
    argv = sandbox.command(
        [sys.executable, "-c", "import drillbook.journal, psycopg; print('here')"],
        writable=(),
        readable=(),
        environment=ENVIRONMENT,
    )
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout.strip() == "here", done.stderr


def test_everything_in_it_dies_with_the_one_who_started_it(tmp_path: Path) -> None:
    marker = f"9{os.getpid()}.5"  # a duration that no other sleep has
    argv = sandbox.command(
        ["bash", "-c", f"setsid sleep {marker} & sleep {marker}"],
        writable=(tmp_path,),
        readable=(),
        environment=ENVIRONMENT,
    )
    starter = f"import subprocess; subprocess.run({argv!r})"
    parent = subprocess.Popen([sys.executable, "-c", starter], start_new_session=True)
    _wait_for(lambda: _count(marker) >= 2, "the sleeps begin")
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(10)
    _wait_for(lambda: _count(marker) == 0, "the sleeps are gone")


def _count(marker: str) -> int:
    count = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            count += process.cmdline()[:2] == ["sleep", marker] and process.status() != "zombie"
    return count


def _wait_for(condition: object, what: str, deadline_s: float = 10.0) -> None:
    assert callable(condition)
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.02)
