"""The stand-in for the provider of text messages."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.app.servers import APP, provider, until


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[httpx.Client]:
    with provider(tmp_path) as http:
        yield http


def send(stub: httpx.Client) -> httpx.Response:
    return stub.post("/messages", json={"to": "+49", "text": "x"})


def test_it_takes_messages_and_counts_them(stub: httpx.Client) -> None:
    assert [send(stub).status_code for _ in range(3)] == [202] * 3
    assert stub.get("/_stub").json() == {"mode": "ok", "key": None, "hits": 3, "accepted": 3}


@pytest.mark.parametrize(
    ("mode", "status"), [("error-500", 500), ("rate-limited", 429), ("unauthorized", 401)]
)
def test_each_mode_answers_as_its_name_says(stub: httpx.Client, mode: str, status: int) -> None:
    assert stub.put("/_stub", json={"mode": mode}).json()["mode"] == mode
    answer = send(stub)
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) == (mode == "rate-limited")
    assert stub.get("/_stub").json() == {"mode": mode, "key": None, "hits": 1, "accepted": 0}


def test_what_hangs_is_answered_when_the_mode_changes(stub: httpx.Client) -> None:
    stub.put("/_stub", json={"mode": "hang"})
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(send, stub)
        until(lambda: stub.get("/_stub").json()["hits"] == 1, "the message came")
        assert not answer.done()
        stub.put("/_stub", json={"mode": "ok"})
        assert answer.result().status_code == 202


def test_with_a_key_set_every_other_is_401(stub: httpx.Client) -> None:
    stub.put("/_stub", json={"key": "new"})
    assert send(stub).status_code == 401
    old, new = ({"Authorization": f"Bearer {key}"} for key in ("old", "new"))
    assert stub.post("/messages", json={}, headers=old).status_code == 401
    assert stub.post("/messages", json={}, headers=new).status_code == 202
    shown = stub.put("/_stub", json={"key": None}).json()
    assert (shown["key"], shown["hits"], shown["accepted"]) == (None, 3, 1)
    assert send(stub).status_code == 202


@pytest.mark.parametrize("body", [b'{"mode": "no-such-mode"}', b'{"key": 7}', b"{", b"[]", b"{}"])
def test_a_senseless_mode_is_400_and_changes_nothing(stub: httpx.Client, body: bytes) -> None:
    assert stub.put("/_stub", content=body).status_code == 400
    assert stub.get("/_stub").json()["mode"] == "ok"


def test_what_is_no_http_is_400(stub: httpx.Client) -> None:
    with socket.create_connection((stub.base_url.host, stub.base_url.port or 0), 5) as connection:
        connection.sendall(b"no http\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 400")
    assert stub.get("/no-such-path").status_code == 404


def test_a_port_in_use_is_one_line_and_exit_code_1(stub: httpx.Client) -> None:
    argv = [sys.executable, str(APP / "provider.py"), "--port", str(stub.base_url.port)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("can't listen on port")
    assert done.stderr.count("\n") == 1


def test_it_ends_at_once_while_requests_hang() -> None:
    argv = [sys.executable, str(APP / "provider.py"), "--port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = f"http://{process.stdout.readline().split()[-1]}"
        with (
            httpx.Client(base_url=url, trust_env=False, verify=False) as http,
            ThreadPoolExecutor(1) as threads,
        ):
            http.put("/_stub", json={"mode": "hang"})
            hanging = threads.submit(send, http)
            until(lambda: http.get("/_stub").json()["hits"] == 1, "the message came")
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
            assert time.monotonic() - began < 1.5
            with pytest.raises(httpx.HTTPError):
                hanging.result()
