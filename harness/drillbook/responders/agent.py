"""The on-call shell of a stack in containers: runs, in the operator's container, what the worker sends.

`python -m drillbook.responders.agent --listen HOST:PORT --home DIR --tools NAME,… --client FILE
--calls HOST:PORT` serves until it is ended. The first line of a connection is the token in `DRILLBOOK_TOKEN`;
then each line is a command,
`{"id": 1, "command": "…", "environment": {…}, "deadline_s": 10.0, "stdin": ""}`, and each reply has what
`Completed` has, with the same `id`. A command that runs is ended when the connection is.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drillbook.orders import LONGEST_LINE, say, take_orders
from drillbook.responders.shell import OperatorShell

TOKEN = "DRILLBOOK_TOKEN"  # noqa: S105  the name of a variable


def install(home: Path, tools: Sequence[str], client: Path, calls: str) -> Path:
    """Make the folder of the tools on the shell's PATH, the platform's CLI among them."""
    folder = home.parent / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    home.mkdir(parents=True, exist_ok=True)
    for name in tools:
        program = shutil.which(name)
        if program is not None:
            (folder / name).symlink_to(program)
    words = (sys.executable, "-I", "-S", str(client), calls)
    command = folder / "railway"
    command.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', "utf-8")
    command.chmod(0o755)
    return folder


async def serve(listen: str, home: Path, token: str) -> None:
    """Serve until cancelled."""

    async def worker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def run(order: Mapping[str, Any]) -> None:
            await _run(order, home, writer)

        await take_orders(reader, writer, token, run)

    host, _, port = listen.rpartition(":")
    server = await asyncio.start_server(worker, host, int(port), limit=LONGEST_LINE)
    await server.serve_forever()


async def _run(order: Mapping[str, Any], home: Path, writer: asyncio.StreamWriter) -> None:
    shell = OperatorShell(order["environment"], home, program="bash")
    done = await shell.run(order["command"], deadline_s=float(order["deadline_s"]), stdin=order["stdin"])
    say(writer, {"id": order["id"], **dataclasses.asdict(done)})
    await writer.drain()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the agent; 1 with one line on standard error where it can't listen."""
    parser = argparse.ArgumentParser(prog="drillbook.responders.agent", description=__doc__)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--home", required=True, type=Path)
    parser.add_argument("--tools", required=True)
    parser.add_argument("--client", required=True, type=Path)
    parser.add_argument("--calls", required=True, metavar="HOST:PORT")
    given = parser.parse_args(argv)
    install(given.home, given.tools.split(","), given.client, given.calls)
    token = os.environ.pop(TOKEN)
    try:
        asyncio.run(serve(given.listen, given.home, token))
    except OSError as error:
        sys.stderr.write(f"can't listen: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
