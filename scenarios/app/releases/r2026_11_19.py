"""Release 2026.11.19: what a request met with can be looked up afterwards. A bad release.

Each request gets a buffer for its trace. It is given back when someone has looked the trace up, and hardly
anyone ever does.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from releases.r2026_11_2 import ROUTES_WITH_RECEIPTS
from shop.main import build_app

BUFFER = 768 * 1024
BLANK = b" " * BUFFER

_traces: dict[str, bytearray] = {}


class Traced:
    """ASGI middleware: keeps the trace of each request under the request's id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note what is sent."""
        trace, place = bytearray(BLANK), 0

        async def send_traced(message: Message) -> None:
            nonlocal place
            note = f"{message['type']} {message.get('status', '')}\n".encode()
            trace[place : place + len(note)] = note
            place += len(note)
            await send(message)

        if scope["type"] == "http":
            request_id = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
            _traces[request_id] = trace
        await self._app(scope, receive, send_traced)


async def show_trace(request: Request) -> Response:
    """GET /traces/{id}: the trace of a request, once."""
    trace = _traces.pop(request.path_params["id"], None)
    if trace is None:
        raise HTTPException(404, "No such trace")
    return JSONResponse({"trace": trace.decode().split("\n")[:-1]})


ROUTES = (*ROUTES_WITH_RECEIPTS, Route("/traces/{id}", show_trace))


def create_app() -> Starlette:
    """The application."""
    return build_app("2026.11.19", routes=ROUTES, before=[Middleware(Traced)])
