"""The on-call shell of a stack in containers, as a real process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from drillbook.platforms.replica import free_port

TOKEN = "a token of the test"
DEADLINE_S = 20.0


class Agent:
    """A running agent, and what its shell sees."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "on-call" / "home"
        self.port = free_port()
        argv = [sys.executable, "-m", "drillbook.responders.agent", "--listen", f"127.0.0.1:{self.port}"]
        argv += ["--home", str(self.home), "--tools", "bash,cat,sleep,no-such-tool"]
        argv += ["--client", str(folder / "client.py"), "--calls", "127.0.0.1:1"]
        (folder / "client.py").write_text("import sys; print('called with', *sys.argv[1:])\n")
        self.process = subprocess.Popen(argv, env={**os.environ, "DRILLBOOK_TOKEN": TOKEN})

    def run(self, command: str, *, deadline_s: float = 10.0, stdin: str = "", token: str = TOKEN) -> Any:
        order = {"id": 3, "command": command, "deadline_s": deadline_s, "stdin": stdin}
        order["environment"] = {"PATH": str(self.home.parent / "bin"), "HOME": str(self.home), "MINE": "1"}
        with self.connect() as connection:
            connection.sendall(f"{token}\n{json.dumps(order)}\n".encode())
            line = connection.makefile().readline()
        return json.loads(line) if line else None

    def connect(self) -> socket.socket:
        end = time.monotonic() + DEADLINE_S
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S)
            except OSError:
                assert time.monotonic() < end, "the agent does not listen"
                time.sleep(0.02)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    made = Agent(tmp_path)
    yield made
    made.process.kill()
    made.process.wait(10)


def test_a_command_runs_literally_with_its_own_environment_and_input(agent: Agent) -> None:
    done = agent.run('cat; echo "$MINE$DRILLBOOK_TOKEN"; echo no >&2; exit 3', stdin="given\n")
    assert (done["stdout"], done["stderr"]) == ("given\n1\n", "no\n")
    assert (done["exit_code"], done["timed_out"], done["id"]) == (3, False, 3)


def test_only_the_tools_that_are_there_are_on_the_path_and_the_cli_among_them(agent: Agent) -> None:
    agent.run("true")
    assert {tool.name for tool in (agent.home.parent / "bin").iterdir()} == {
        "bash",
        "cat",
        "sleep",
        "railway",
    }
    assert agent.run("railway up --now")["stdout"] == "called with 127.0.0.1:1 up --now\n"


def test_at_its_deadline_a_command_ends_with_all_that_it_started(agent: Agent) -> None:
    done = agent.run("sleep 60.125 & sleep 60.125", deadline_s=0.5)
    assert done["timed_out"]
    assert done["exit_code"] is None
    alive = [process for process in psutil.process_iter() if "60.125" in cmdline(process)]
    assert alive == []


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline() if process.status() != psutil.STATUS_ZOMBIE else []
    except psutil.Error:
        return []


def test_a_command_whose_caller_goes_away_ends_too(agent: Agent) -> None:
    order = {"id": 1, "command": "sleep 61.25", "deadline_s": 60, "stdin": ""}
    order["environment"] = {"PATH": str(agent.home.parent / "bin")}
    with agent.connect() as connection:
        connection.sendall(f"{TOKEN}\n{json.dumps(order)}\n".encode())
        wait_for(sleeping, "it runs")
    wait_for(lambda: not sleeping(), "it has ended")


def sleeping() -> bool:
    return any("61.25" in cmdline(each) for each in psutil.process_iter())


def wait_for(condition: Any, what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"not within {DEADLINE_S} s: {what}"
        time.sleep(0.02)


def test_who_has_no_token_is_not_served(agent: Agent) -> None:
    assert agent.run("echo served", token="another") is None
