"""Who a request comes from, and whom the service does not serve at all. It counts nothing."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TypeAlias

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

Network: TypeAlias = IPv4Network | IPv6Network


def peer_address(scope: Scope) -> str:
    """The address at the other end of the connection: behind a proxy, the proxy's."""
    client = scope.get("client")
    return client[0] if client else ""


def forwarded_address(scope: Scope) -> str:
    """The client's address as the proxy in front gives it; without a proxy, the peer's.

    The first address of X-Forwarded-For counts, so the proxy must overwrite what the client sent.
    """
    forwarded = Headers(scope=scope).get("x-forwarded-for", "").partition(",")[0].strip()
    return forwarded or peer_address(scope)


class Blocked:
    """ASGI middleware: answers 403 to clients of `networks`, but for the health check."""

    def __init__(self, app: ASGIApp, networks: Sequence[Network]) -> None:
        self._app = app
        self._networks = networks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 403."""
        if scope["type"] == "http" and scope["path"] != "/health" and self._has(forwarded_address(scope)):
            await JSONResponse({"error": "Forbidden"}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _has(self, text: str) -> bool:
        if not self._networks:
            return False
        try:
            address = ip_address(text)
        except ValueError:  # a proxy may name a client by something else
            return False
        return any(address in network for network in self._networks)
