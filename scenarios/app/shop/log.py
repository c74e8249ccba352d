"""The service's log: one JSON object a line on standard output, and one line for each request.

What a request carries in its body never gets into it, and no answer but 500 is given here.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop.client import forwarded_address

logger = logging.getLogger("shop")

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_ID_LENGTH = 64  # of an id that a client sends
_NOTES = "shop.notes"


def note(scope: Scope, **fields: str) -> None:
    """Add `fields` to the log's entry of the request that `scope` is of."""
    scope.setdefault(_NOTES, {}).update(fields)


class JsonFormatter(logging.Formatter):
    """A log record as one line of JSON; `extra={"data": {...}}` adds fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        entry: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "msg": record.getMessage(),
        }
        if request_id := _request_id.get():
            entry["request_id"] = request_id
        entry |= getattr(record, "data", {})
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def configure() -> None:
    """Send every log line of this process to standard output as JSON, the server's own included."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error"):
        server = logging.getLogger(name)
        server.handlers.clear()
        server.propagate = True


class RequestLog:
    """ASGI middleware: gives each request an id and logs its route, client, status and time.

    What a handler raises is logged with its traceback and answered with 500, here and not in the server,
    which would close the client's connection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and log it when it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = Headers(scope=scope).get("x-request-id", "")[:_ID_LENGTH] or uuid.uuid4().hex
        mark = _request_id.set(request_id)
        began = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            logger.exception("a request failed")
            if status:  # the answer has begun and can't be another one now
                raise
            await JSONResponse({"error": "Internal error"}, 500)(scope, receive, send_with_id)
        finally:
            _write(scope, status, (time.perf_counter() - began) * 1000)
            _request_id.reset(mark)


def _write(scope: Scope, status: int, ms: float) -> None:
    """Log a request; its status is 0 where it was cut off before its answer."""
    good = 0 < status < 500  # noqa: PLR2004  the server errors of HTTP
    path = getattr(scope.get("route"), "path", scope["path"])
    data = {
        "route": f"{scope['method']} {path}",
        "client": forwarded_address(scope),
        "status": status,
        "ms": round(ms, 1),
        **scope.get(_NOTES, {}),
    }
    logger.log(logging.INFO if good else logging.ERROR, "request", extra={"data": data})
