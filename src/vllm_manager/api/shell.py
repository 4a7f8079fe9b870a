"""The outermost layer of the API: request ids, security headers, request counts, last resort."""

import logging
import re
import time
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vllm_manager.api.problems import answer, unexpected
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.logs import about

log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}

Count = Callable[[str, str, int, float], None]
"""Counts a request: method, route, status, seconds."""


class Shell:
    """Wraps every HTTP request; an error that nobody understood becomes a problem document here."""

    def __init__(self, app: ASGIApp, count: Count) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(self._app, scope, send, self._count).run(receive)


class _Exchange:
    """One request and its answer."""

    def __init__(self, app: ASGIApp, scope: Scope, send: Send, count: Count) -> None:
        self._app = app
        self._scope = scope
        self._to_client = send
        self._count = count
        self._status: int | None = None
        self._request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = self._request_id

    async def run(self, receive: Receive) -> None:
        started = time.perf_counter()
        try:
            with about(request_id=self._request_id):
                await self._app(self._scope, receive, self._send)
        except ClientDisconnect:
            pass  # nobody is left to answer
        except Exception:
            log.exception(
                "%s %s failed (request %s)",
                self._scope["method"],
                self._scope["path"],
                self._request_id,
                extra={"request_id": self._request_id},
            )
            if self._status is not None:
                raise  # the answer is half-way out: breaking the connection is all that is left
            await answer(unexpected(), self._request_id)(self._scope, receive, self._send)
        finally:
            self._settle(time.perf_counter() - started)

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self._request_id
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if self._scope["scheme"] == "https":
                headers.setdefault("strict-transport-security", "max-age=31536000")
        await self._to_client(message)

    def _settle(self, seconds: float) -> None:
        route = getattr(self._scope.get("route"), "path", None) or "unmatched"
        method, status = self._scope["method"], self._status or 499
        self._count(method, route, status, seconds)
        # Reports and usage come every second or two: only what goes wrong with them is told.
        routine = method in ("GET", "HEAD") or route.startswith("/internal/")
        level = logging.DEBUG if routine and status < 500 else logging.INFO
        said = {"request_id": self._request_id}
        log.log(level, "%s %s %d %.1f ms", method, route, status, seconds * 1000, extra=said)


def _request_id(scope: Scope) -> str:
    """Return the id that the gateway gave the request, or a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = value.decode("latin-1")
            if _REQUEST_ID.fullmatch(given):
                return given
    return new_id("req")
