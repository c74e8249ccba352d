"""The gate of a stack in containers, as a real process: its customers, its worker, the operator's calls."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drillbook.errors import StackError
from drillbook.platforms import railway_cli
from drillbook.platforms.edge_control import EdgeControl
from drillbook.platforms.replica import free_port

TOKEN = "a token of the test"
# Says in its body from where it is asked.
SERVICE = """\
import http.server, sys
class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if self.path == "/ill" else 200)
        body = (self.headers.get("X-Forwarded-For") or "").encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
"""


@dataclass(frozen=True)
class Site:
    """A gate with a service behind it."""

    edge: int
    control: int
    calls: int
    service: int

    async def get(self, first: bytes = b"", path: str = "/") -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.edge)
        writer.write(first + f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer.decode().rpartition("\r\n\r\n")[2]

    async def worker(self, called: Any = None, token: str = TOKEN) -> EdgeControl:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.control)
        writer.write(token.encode() + b"\n")
        control = EdgeControl(reader, writer, describe_end=lambda: "it hung up", called=called)
        await control.ready(5.0)
        return control


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    made = Site(*(free_port() for _ in range(4)))
    argv = [sys.executable, "-m", "drillbook.platforms.gate"]
    for name, port in (("--listen", made.edge), ("--control", made.control), ("--calls", made.calls)):
        argv += [name, f"127.0.0.1:{port}"]
    environment = {**os.environ, "DRILLBOOK_TOKEN": TOKEN}
    programs = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", SERVICE, str(made.service)),
        await asyncio.create_subprocess_exec(*argv, env=environment),
    ]
    try:
        for port in (made.service, made.edge, made.control, made.calls):
            await until_listens(port)
        yield made
    finally:
        for program in programs:
            program.kill()
            await program.wait()


async def until_listens(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)


def test_a_customer_comes_from_where_they_say_first_and_else_from_where_they_connect() -> None:
    async def drill() -> None:
        async with site() as gate:
            worker = await gate.worker()
            await worker.request({"switch": [f"127.0.0.1:{gate.service}"]})
            assert await gate.get() == "127.0.0.1"
            assert await gate.get(b"PROXY TCP4 127.0.2.9 127.0.0.1 1 80\r\n") == "127.0.2.9"
            assert "Bad Request" in await gate.get(b"PROXY TCP4 "), "it swallowed the request line"
            await worker.close()
            await worker.listened()

    asyncio.run(drill())


def test_the_worker_learns_how_what_listens_inside_is() -> None:
    async def drill() -> None:
        async with site() as gate:
            worker = await gate.worker()
            ask: dict[str, object] = {"ask": gate.service, "timeout_s": 2.0}
            assert (await worker.request({**ask, "path": "/"}))["reason"] is None
            assert "503" in (await worker.request({**ask, "path": "/ill"}))["reason"]
            nobody = {**ask, "ask": free_port(), "path": "/"}
            assert "can't be reached" in (await worker.request(nobody))["reason"]
            assert (await worker.request({"drain": ["127.0.0.1:1"], "deadline_s": 1.0}))["left"] == 0
            await worker.close()
            await worker.listened()

    asyncio.run(drill())


def test_who_has_no_token_is_not_answered() -> None:
    async def drill() -> None:
        async with site() as gate:
            with pytest.raises(StackError, match="it hung up"):
                await gate.worker(token="another token")

    asyncio.run(drill())


def test_a_call_of_the_cli_gets_the_workers_answer(tmp_path: Path) -> None:
    async def drill() -> None:
        async with site() as gate:

            async def answer(said: Mapping[str, Any]) -> None:
                heard = json.loads(said["line"])
                text = {"stdout": f"you said {heard['argv']}\n", "stderr": "", "code": 7, "child": None}
                worker.say({"answer": said["call"], "line": json.dumps(text) + "\n"})

            worker = await gate.worker(answer)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", railway_cli.__file__, f"127.0.0.1:{gate.calls}", "status"),
                stdout=asyncio.subprocess.PIPE,
                cwd=tmp_path,
            )
            stdout, _ = await asyncio.wait_for(process.communicate(), 10)
            assert stdout.decode() == "you said ['status']\n"
            assert process.returncode == 7
            await worker.close()
            await worker.listened()

    asyncio.run(drill())
