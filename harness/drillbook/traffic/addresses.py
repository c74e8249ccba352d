"""An address of its own for each customer, so that what limits clients by their address sees many of them.

Only where the service is on the loopback and the system lets 127.0.1.N be used, as Linux does; elsewhere
customers share this machine's address. Imported by the runner alone, since it needs gevent.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from weakref import WeakKeyDictionary

import gevent  # type: ignore[import-untyped]  # it comes without types
from gevent import socket

_MOST = 254


class Addresses:
    """Gives each customer an address at the first connection, and keeps it for the later ones.

    Args:
        is_customer: whether a greenlet is a customer's.
    """

    def __init__(self, is_customer: Callable[[gevent.Greenlet], bool]) -> None:
        self._is_customer = is_customer
        self._numbers = itertools.cycle(range(1, _MOST + 1))
        self._given: WeakKeyDictionary[gevent.Greenlet, str] = WeakKeyDictionary()

    def own(self) -> str | None:
        """The address of the customer that runs now, or None where it is no customer that runs."""
        current = gevent.getcurrent()
        if not isinstance(current, gevent.Greenlet) or not self._is_customer(current):
            return None
        return self._given.setdefault(current, f"127.0.1.{next(self._numbers)}")

    def install(self) -> None:
        """From now on, connect a customer's sockets from that customer's address."""
        connect = socket.socket.connect

        def connect_from_own(sock: socket.socket, address: Any) -> Any:
            own = self.own() if _is_loopback(address) else None
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
