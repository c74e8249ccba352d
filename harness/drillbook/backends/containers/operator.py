"""The operator's container: where the runbook's commands run, with no way out of the drill."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from drillbook.backends.containers.code import CODE, package
from drillbook.backends.containers.container import Container, Recipe
from drillbook.backends.containers.dock import Dock
from drillbook.backends.containers.pod import EVERYWHERE, LOOPBACK, Pod
from drillbook.errors import StackError
from drillbook.responders.agent import TOKEN
from drillbook.responders.shell import Completed

HOME = "/drill/on-call/home"
TOOLS = "/drill/on-call/bin"
_ONCALL = "1000"
_START_DEADLINE_S = 15.0
_MAKE = f"""
mkdir -p {HOME} {TOOLS} && chown {_ONCALL} {HOME} {TOOLS}
exec setpriv --reuid {_ONCALL} --regid {_ONCALL} --clear-groups -- "$@"
"""
_MARGIN_S = 10.0
_LONGEST_LINE = 8 * 1024 * 1024


class ContainerShell:
    """The on-call shell in a container; see `responders.shell.Shell`. Made by `start`."""

    def __init__(self, container: Container, port: int, token: str) -> None:
        self.environment: Mapping[str, str] = {}
        self._container = container
        self._port = port
        self._token = token

    @classmethod
    async def start(
        cls, dock: Dock, pod: Pod, image: str, tools: Sequence[str], *, port: int
    ) -> ContainerShell:
        """Start the container, with `tools` on the shell's PATH as far as the image has them.

        Raises:
            StackError: it does not start.
        """
        token = secrets.token_hex(16)
        agent = ["python3", "-P", "-m", "drillbook.responders.agent", "--listen", f"{EVERYWHERE}:{port}"]
        agent += ["--home", HOME, "--tools", ",".join(tools), "--calls", f"{LOOPBACK}:{pod.calls}"]
        agent += ["--client", f"{CODE}/drillbook/platforms/railway_cli.py"]
        recipe = Recipe(
            image,
            ["sh", "-c", _MAKE, "agent", *agent],
            environment={TOKEN: token, "PYTHONPATH": CODE, "PYTHONDONTWRITEBYTECODE": "1"},
            files=package(pod.scratch),
            user="0",
            options=pod.options,
        )
        shell = cls(await Container.start(dock, "operator", recipe), port, token)
        await shell._container.wait_until(shell._answers, deadline_s=_START_DEADLINE_S, what="answers")
        return shell

    async def _answers(self) -> bool:
        try:
            await asyncio.wait_for(self._ask({"command": "true", "deadline_s": 1.0, "stdin": ""}), 2.0)
        except (OSError, StackError, TimeoutError):
            return False  # a published port accepts before anything listens behind it
        return True

    async def run(self, command: str, *, deadline_s: float, stdin: str = "") -> Completed:
        """Run `command` in the container; see `responders.shell.Shell`.

        Raises:
            StackError: the container does not answer.
        """
        order = {"command": command, "deadline_s": deadline_s, "stdin": stdin}
        try:
            async with asyncio.timeout(deadline_s + _MARGIN_S):
                return await self._ask(order)
        except (OSError, TimeoutError) as error:
            raise StackError(
                f"the operator's container does not answer: {await self._container.tail()}"
            ) from error

    async def _ask(self, order: Mapping[str, object]) -> Completed:
        reader, writer = await asyncio.open_connection(LOOPBACK, self._port, limit=_LONGEST_LINE)
        try:
            message = {"id": 1, "environment": dict(self.environment), **order}
            writer.write(self._token.encode() + b"\n" + json.dumps(message).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
        finally:
            writer.close()
        if not line:
            raise StackError("the operator's container closed the connection")
        done = json.loads(line)
        done.pop("id")
        return Completed(**done)

    async def remove(self, log: Path) -> None:
        """End everything in the container, and remove it."""
        await self._container.remove(log)
