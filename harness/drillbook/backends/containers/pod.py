"""The pod: the network that all containers of a drill share, with no way out, and the gate that stands in it.

The gate's container comes first, and the others join its network, so that the parts find one another on the
loopback, as on one machine. The gate closes the way out before anything else runs: what answers on a
published port may leave, and nothing that begins inside. The ports are published on this machine's loopback
by their own numbers, so that a URL means the same on both sides.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drillbook.backends.containers.code import CODE, package
from drillbook.backends.containers.container import Container, Recipe
from drillbook.backends.containers.dock import Dock
from drillbook.errors import StackError
from drillbook.events import PartChanged
from drillbook.journal import Journal
from drillbook.platforms.edge_control import REPLY_DEADLINE_S, EdgeControl
from drillbook.platforms.gate import TOKEN

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104  of the pod, whose ports are published on the loopback alone
_START_DEADLINE_S = 20.0
_LONGEST_LINE = 8 * 1024 * 1024
# Answers of what is published may leave; whatever else is bound for this machine or beyond may not.
_CLOSE = """
set -e
for port in {ports}; do ip rule add prio 100 ipproto tcp sport "$port" lookup main; done
ip rule add prio 200 to "$(ip -4 -o addr show eth0 | awk '{{print $4}}')" prohibit
ip route del default
exec setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all --bounding-set=-all -- "$@"
"""


class Pod:
    """A drill's network and its gate; see `platforms.runner.Edge`.

    Args:
        dock: the engine.
        image: the gate's image.
        ports: the ports to publish; the first is the customers', the second the worker's own.
        calls: the port at which the operator's CLI reaches the platform, inside alone.
        log: the gate's log.
        scratch: a folder of the drill's own on this machine.
        inside: the ports in the pod, by the published ports, where they are others.
        names: the hosts that the pod is on the app's network. Without any, there is no such network, and the
            app is in the pod.
    """

    def __init__(
        self,
        dock: Dock,
        image: str,
        ports: Sequence[int],
        *,
        calls: int,
        log: Path,
        scratch: Path,
        inside: Mapping[int, int] | None = None,
        names: Sequence[str] = (),
    ) -> None:
        self.calls = calls
        self._dock = dock
        self._image = image
        self._ports = tuple(ports)
        self._inside = dict(inside or {})
        self._names = tuple(names)
        self._log = log
        self.scratch = scratch
        self._token = secrets.token_hex(16)
        self._networks: list[Any] = []
        self._gate: Container | None = None
        self._control: EdgeControl | None = None
        self._socket: Path | None = None
        self._stopping = False
        self._began = 0.0

    @property
    def options(self) -> dict[str, Any]:
        """What makes a container one of the pod's."""
        if self._gate is None:
            raise StackError("the pod is not started")
        return {"network_mode": f"container:{self._gate.id}"}

    def inside(self, published: int) -> int:
        """The port in the pod that is published as that one."""
        return self._inside.get(published, published)

    @property
    def app_network(self) -> str:
        """The network of the app's containers; empty where they are in the pod."""
        return f"{self._dock.name}-app" if self._names else ""

    @property
    def app_options(self) -> dict[str, Any]:
        """What makes a container one of the app's network, which has a way to the pod and no other."""
        if not self._names:
            return self.options
        return {
            "network": self.app_network,
            "dns": [LOOPBACK],
            "cap_drop": ["NET_RAW"],
            "sysctls": {"net.ipv6.conf.all.disable_ipv6": "1"},
        }

    async def _make_network(self, name: str, **more: Any) -> Any:
        create = self._dock.client.networks.create
        labels = self._dock.labels
        made = await self._dock.call("make a network", create, name, driver="bridge", labels=labels, **more)
        self._networks.append(made)
        return made

    async def _make_app_network(self) -> Any:
        """The app's network: no way out of it, and this machine has no address on it."""
        options = {"com.docker.network.bridge.inhibit_ipv4": "true"}
        return await self._make_network(self.app_network, internal=True, options=options)

    async def start(self, journal: Journal) -> None:
        """Make the network, start the gate, and wait until it answers: then there is no way out any more.

        Raises:
            StackError: the engine refuses to, or the gate does not answer.
        """
        await self.begin()
        await self.until_closed(journal)

    async def begin(self) -> None:
        """Make the network and start the gate. What joins it now may do so before the way out is closed.

        Raises:
            StackError: the engine refuses to.
        """
        self._began = time.monotonic()
        making = [self._make_network(self._dock.name)]
        making += [self._make_app_network()] if self._names else []
        _, *beside = await asyncio.gather(*making)
        edge, control = self._ports[:2]
        gate = ["python3", "-P", "-m", "drillbook.platforms.gate", "--listen", f"{EVERYWHERE}:{edge}"]
        gate += ["--control", f"{EVERYWHERE}:{control}", "--calls", f"{LOOPBACK}:{self.calls}"]
        close = _CLOSE.format(ports=" ".join(str(self.inside(port)) for port in self._ports))
        recipe = Recipe(
            self._image,
            ["sh", "-c", close, "gate", *gate],
            environment={TOKEN: self._token, "PYTHONPATH": CODE},
            files=package(self.scratch),
            options={
                "network": self._dock.name,
                "cap_drop": ["ALL"],
                "cap_add": ["NET_ADMIN", "SETUID", "SETGID", "SETPCAP"],
                "dns": [LOOPBACK],
                "sysctls": {"net.ipv6.conf.all.disable_ipv6": "1"},
                "ports": {self.inside(port): (LOOPBACK, port) for port in self._ports},
                "user": "0",
            },
        )
        self._gate = await Container.start(self._dock, "gate", recipe)
        for network in beside:
            await self._dock.call(
                "join the app's network", network.connect, self._gate.id, aliases=list(self._names)
            )

    async def until_closed(self, journal: Journal) -> None:
        """Wait until the gate answers, which it does once it has closed the way out.

        Raises:
            StackError: it does not.
        """
        if self._gate is None:
            raise StackError("the pod is not started")
        await self._gate.wait_until(self._connect, deadline_s=_START_DEADLINE_S, what="answers")
        seconds = round(time.monotonic() - self._began, 3)
        journal.write(PartChanged("edge", "started", f"{LOOPBACK}:{self._ports[0]}", self._gate.pid, seconds))

    async def _connect(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self._ports[1], limit=_LONGEST_LINE)
            writer.write(self._token.encode() + b"\n")
            control = EdgeControl(reader, writer, describe_end=lambda: "see its log", called=self._pass_on)
            await control.ready(1.0)
        except (OSError, StackError):
            return False  # a published port accepts before anything listens behind it
        self._control = control
        return True

    def serve_calls(self, socket: Path) -> None:
        """Pass what the operator's CLI asks on to the unix socket at which the platform listens."""
        self._socket = socket

    async def _pass_on(self, said: Mapping[str, Any]) -> None:
        if self._socket is None or self._control is None:
            return
        reader, writer = await asyncio.open_unix_connection(self._socket, limit=_LONGEST_LINE)
        try:
            writer.write(said["line"].encode())
            await writer.drain()
            self._control.say({"answer": said["call"], "line": (await reader.readline()).decode()})
        finally:
            writer.close()

    async def ask(self, port: int, path: str, *, timeout_s: float, host: str = LOOPBACK) -> str | None:
        """GET `path` on a port of the pod, or of `host`: None where the answer is 2xx, else why it is not."""
        request = {"ask": port, "host": host, "path": path, "timeout_s": timeout_s}
        reason = (await self._request(request, timeout_s + REPLY_DEADLINE_S))["reason"]
        return None if reason is None else str(reason)

    async def switch(self, addresses: Sequence[str]) -> None:
        """Send every later request to `addresses` and no other."""
        await self._request({"switch": list(addresses)}, REPLY_DEADLINE_S)

    async def drain(self, addresses: Sequence[str], deadline_s: float) -> int:
        """Wait until `addresses` have no request in hand; how many are left at the deadline."""
        request = {"drain": list(addresses), "deadline_s": deadline_s}
        return int((await self._request(request, deadline_s + REPLY_DEADLINE_S))["left"])

    async def _request(self, request: Mapping[str, object], deadline_s: float) -> Mapping[str, Any]:
        if self._control is None:
            raise StackError("the pod is not started")
        return await self._control.request(request, deadline_s)

    def check(self) -> None:
        """Raise where the gate has ended by itself."""
        if not self._stopping and self._control is not None:
            self._control.check()

    async def stop(self) -> None:
        """Nothing: the gate is the others' network, and is removed after them, by `remove`."""

    async def remove(self, journal: Journal) -> None:
        """Remove the gate and the networks; again does no harm."""
        self._stopping = True
        gate, self._gate = self._gate, None
        if self._control is not None:
            await self._control.close()
        if gate is not None:
            await gate.remove(self._log)
            journal.write(PartChanged("edge", "stopped", pid=gate.pid))
        if self._control is not None:
            await self._control.listened()
        networks, self._networks = self._networks, []
        for network in networks:
            with contextlib.suppress(StackError):  # whoever looks for what is left will find it
                await self._dock.call("remove the network", network.remove)
