"""Which headers pass through the edge, and what they say of a body. It changes none of them."""

from __future__ import annotations

import h11

# Headers that speak of one connection and so end at the edge (RFC 9110, 7.6.1), and those that it sets.
_HOP_BY_HOP = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
}
_OWN = {b"x-forwarded-for", b"x-forwarded-proto", b"x-request-id", b"expect"}


def declared_length(request: h11.Request) -> int:
    """The length that a request gives for its body, in bytes; 0 where it gives none."""
    return next((int(value) for name, value in request.headers if name == b"content-length"), 0)


def has_body(request: h11.Request) -> bool:
    """Whether a body follows the request's head."""
    return declared_length(request) > 0 or is_chunked(request)


def is_chunked(request: h11.Request) -> bool:
    """Whether the request's body comes in chunks."""
    return any(name == b"transfer-encoding" for name, _ in request.headers)


def end_to_end(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers that pass through the edge."""
    named = {
        part.strip().lower() for name, value in headers if name == b"connection" for part in value.split(b",")
    }
    dropped = _HOP_BY_HOP | _OWN | named
    return [(name, value) for name, value in headers if name not in dropped]
