"""uvicorn's HTTP protocol, with bounds on a request's head and news of a client that left."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_MAX_HEAD_BYTES = 1 << 16
_HEAD_SECONDS = 30.0


class _Corked:
    """A transport that can hold writes back and make one of several: one system call, one packet.

    uvicorn writes the head and the body of an answer apart.
    """

    __slots__ = (
        "_held",
        "_transport",
        "abort",
        "get_extra_info",
        "is_closing",
        "pause_reading",
        "resume_reading",
    )

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None
        self.abort = transport.abort
        self.get_extra_info = transport.get_extra_info
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def cork(self) -> None:
        self._held = []

    def uncork(self) -> None:
        held, self._held = self._held, None
        if held:
            self._transport.write(b"".join(held))

    def write(self, data: bytes) -> None:
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    def close(self) -> None:
        self.uncork()
        self._transport.close()


class ClientConnection(HttpToolsProtocol):
    """A client's connection. The application finds it in `scope["connection"]`.

    Pipelining is not served: what follows a request before its answer is dropped and the
    connection closed after that answer, as RFC 9112 (9.3.2) allows. Reading on is what shows that
    a client has left.
    """

    lost = False
    on_lost: Callable[[], object] | None = None
    _running: RequestResponseCycle | None = None
    _deaf = False
    _head_bytes = 0
    _head_since: float | None = None
    _blocked_since: float | None = None
    """Since when the client has left unread what it was sent."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._corked = _Corked(transport)
        super().connection_made(cast("asyncio.Transport", self._corked))

    def cork(self) -> None:
        """Hold what is written until `uncork`."""
        self._corked.cork()

    def uncork(self) -> None:
        self._corked.uncork()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        super().data_received(data)
        if self._head_since is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._refuse(431, "headers_too_large", "The headers are larger than 64 KiB.")

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        super().connection_lost(exc)
        on_lost, self.on_lost = self.on_lost, None
        if on_lost is not None:
            on_lost()

    def abort(self) -> None:
        """Break the connection off: the client sees that its answer is not whole."""
        self.lost = True
        self.transport.abort()

    def expire_head(self, now: float) -> None:
        """Close where a request's head has been coming in for too long."""
        if self._head_since is not None and now - self._head_since > _HEAD_SECONDS:
            self._refuse(408, "request_timeout", "The headers took longer than 30 s.")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._blocked_since = time.monotonic()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._blocked_since = None

    def expire_write(self, now: float, patience_seconds: float) -> None:
        """Break off where the client has read nothing for so long: its slot is others' then."""
        if self._blocked_since is not None and now - self._blocked_since > patience_seconds:
            self._blocked_since = None
            self.abort()

    def on_message_begin(self) -> None:
        if self._deaf:
            return
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["connection"] = self
        self._head_bytes = 0
        self._head_since = time.monotonic()

    def on_headers_complete(self) -> None:
        if self._deaf:
            return
        self._head_since = None
        super().on_headers_complete()
        if self.pipeline and self._running is not None:
            self._deaf = True
            self.pipeline.clear()
            self.cycle = self._running
            self.cycle.keep_alive = False
            self.flow.resume_reading()
        else:
            self._running = self.cycle

    def on_body(self, body: bytes) -> None:
        if not self._deaf:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._deaf:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        message = "This is not a valid request, so the connection is closed."
        self._refuse(400, "invalid_http", message)

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._deaf = True
        self._head_since = None
        if self._running is not None and not self._running.response_complete:
            self.transport.abort()  # an answer is under way: nothing readable can be added
            return
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        body = json.dumps({"error": error}).encode()
        head = (
            f"HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
