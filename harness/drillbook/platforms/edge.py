"""The edge: the reverse proxy between the customers and the replicas, in a process of its own.

`python -m drillbook.platforms.edge --listen HOST:PORT` serves until its standard input ends. Each line of
standard input is a JSON request, each line of standard output a JSON reply with the same `id`:

- `{"id": 1, "switch": ["127.0.0.1:20001", ...]}`: later requests go to these replicas, each in
  its turn.
- `{"id": 2, "drain": ["127.0.0.1:20001", ...], "deadline_s": 2.0}`: replies once none of these has a request
  in hand (`"left": 0`), or at the deadline with the number of requests that are left.

It never judges a replica's health and never repeats a request that a replica has taken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from drillbook.platforms.edge_exchange import Exchange, Limits


class Upstreams:
    """The replicas that requests go to, and how many requests each has in hand."""

    def __init__(self) -> None:
        self._addresses: tuple[str, ...] = ()
        self._round: list[str] = []
        self._in_hand: Counter[str] = Counter()
        self._returned = asyncio.Condition()

    def switch(self, addresses: Sequence[str]) -> None:
        """Send later requests to `addresses`."""
        self._addresses = tuple(addresses)
        self._round = []

    def candidates(self) -> tuple[str, ...]:
        """Every replica, beginning with the one whose turn it is.

        Each has one turn in a round, and each round has an order of its own: clients that ask for the same
        few things over and over would else always meet the same replica with the same thing.
        """
        if not self._addresses:
            return ()
        if not self._round:
            self._round = random.sample(self._addresses, len(self._addresses))
        turn = self._addresses.index(self._round.pop())
        return self._addresses[turn:] + self._addresses[:turn]

    def take(self, address: str) -> None:
        """A request goes to `address`."""
        self._in_hand[address] += 1

    async def give_back(self, address: str) -> None:
        """A request to `address` is over."""
        self._in_hand[address] -= 1
        async with self._returned:
            self._returned.notify_all()

    async def drain(self, addresses: Sequence[str], deadline_s: float) -> int:
        """Wait until `addresses` have no request in hand; how many are left at the deadline."""
        try:
            async with asyncio.timeout(deadline_s), self._returned:
                await self._returned.wait_for(lambda: not self._left(addresses))
        except TimeoutError:
            return self._left(addresses)
        return 0

    def _left(self, addresses: Sequence[str]) -> int:
        return sum(self._in_hand[address] for address in addresses)


async def obey(upstreams: Upstreams, request: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out a request and give the reply to it."""
    reply: dict[str, Any] = {"id": request["id"]}
    if "switch" in request:
        upstreams.switch(request["switch"])
    elif "drain" in request:
        reply["left"] = await upstreams.drain(request["drain"], float(request["deadline_s"]))
    return reply


async def _obey(upstreams: Upstreams, line: bytes) -> None:
    say(await obey(upstreams, json.loads(line)))


def say(reply: Mapping[str, Any]) -> None:
    """Write one line of standard output."""
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


async def serve(host: str, port: int, limits: Limits) -> None:
    """Serve on `host`:`port` until standard input ends."""
    upstreams = Upstreams()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await Exchange(reader, writer, upstreams, limits).run()
        finally:
            writer.close()

    control = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(control), sys.stdin)
    server = await asyncio.start_server(client, host, port, backlog=1024)
    say({"id": 0, "port": server.sockets[0].getsockname()[1]})
    async with asyncio.TaskGroup() as group:
        tasks: set[asyncio.Task[None]] = set()
        while line := await control.readline():
            task = group.create_task(_obey(upstreams, line))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        server.close()
        for task in tasks:
            task.cancel()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the edge; 1 with one line on standard error where it can't listen."""
    parser = argparse.ArgumentParser(prog="drillbook.platforms.edge", description=__doc__)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--answer-timeout", type=float, default=Limits().answer_s, metavar="SECONDS")
    arguments = parser.parse_args(argv)
    host, _, port = arguments.listen.rpartition(":")
    try:
        asyncio.run(serve(host, int(port), Limits(answer_s=arguments.answer_timeout)))
    except OSError as error:
        sys.stderr.write(f"can't listen on {arguments.listen}: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
