"""An address of its own for each customer, so that what limits clients by their address sees many of them.

Only where the service is on the loopback and the system has all of 127.0.0.0/8, as Linux does; elsewhere
customers share this machine's address. Imported by the runner alone, since it needs gevent.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Network, ip_address
from typing import Any

from gevent import socket  # type: ignore[import-untyped]  # it comes without types


class Addresses:
    """Gives each customer an address by their number, and keeps to it.

    Args:
        current: the number, from 1, of the customer that runs now, or None where it is no customer that runs.
        network: where the addresses are from; customers share them where there are fewer than customers.
        announce: say the address first (a line of the PROXY protocol) in place of connecting from it, as the
            gate of a stack in containers expects.
    """

    def __init__(
        self, current: Callable[[], int | None], network: IPv4Network, *, announce: bool = False
    ) -> None:
        self._current = current
        self._announce = announce
        self._hosts = list(network.hosts())

    def own(self) -> str | None:
        """The address of the customer that runs now, or None where it is no customer that runs."""
        number = self._current()
        return None if number is None else str(self._hosts[(number - 1) % len(self._hosts)])

    def install(self) -> None:
        """From now on, connect a customer's sockets from that customer's address."""
        connect = socket.socket.connect

        def connect_from_own(sock: socket.socket, address: Any) -> Any:
            own = self.own() if _is_loopback(address) else None
            if own is not None and self._announce:
                done = connect(sock, address)
                sock.sendall(f"PROXY TCP4 {own} 127.0.0.1 1 {address[1]}\r\n".encode())
                return done
            if own is not None:
                # Where it can't be bound (no such loopback addresses here, or bound by the locustfile
                # already), the connection is made as it would have been.
                with suppress(OSError):
                    sock.bind((own, 0))
            return connect(sock, address)

        # The one place that every HTTP client of a locustfile goes through.
        socket.socket.connect = connect_from_own


def _is_loopback(address: object) -> bool:
    """Whether a socket's address is one of IPv4's loopback."""
    if not isinstance(address, tuple) or not address or not isinstance(address[0], str):
        return False
    try:
        host = ip_address(address[0])
    except ValueError:
        return False
    return host.version == 4 and host.is_loopback  # noqa: PLR2004  IPv4
