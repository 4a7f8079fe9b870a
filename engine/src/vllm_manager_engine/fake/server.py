"""The fake engine's HTTP side: one protocol per connection on httptools, nothing in between."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import httptools  # pyright: ignore[reportMissingTypeStubs]

from vllm_manager_engine.fake.request_log import RequestLog
from vllm_manager_engine.fake.service import Service

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


def head_and_body(status: int, body: bytes, content_type: str) -> bytes:
    reason = _REASONS.get(status, "Error")
    return (
        f"HTTP/1.1 {status} {reason}\r\ncontent-type: {content_type}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode() + body


class Connection(asyncio.Protocol):
    """Reads one request at a time; a request under way ends with its connection."""

    def __init__(self, service: Service, log: RequestLog) -> None:
        self._service = service
        self._log = log
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._work: asyncio.Task[None] | None = None
        self._waiting: list[Callable[[], None]] = []
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._work is not None:
            self._work.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:  # pyright: ignore
            self._write(head_and_body(400, b"", "text/plain"))
            if self._transport is not None:
                self._transport.close()

    # Called by the parser.

    def on_message_begin(self) -> None:
        self._url, self._headers, self._body = b"", {}, []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode()
        path = self._url.partition(b"?")[0].decode("latin-1")
        headers, body = self._headers, b"".join(self._body)
        if self._work is None and not self._waiting:
            self._serve(method, path, headers, body)
        else:
            self._waiting.append(lambda: self._serve(method, path, headers, body))

    def _serve(self, method: str, path: str, headers: dict[bytes, bytes], body: bytes) -> None:
        service = self._service
        taken = service.refusal(path, headers) or service.take(method, path, body)
        if isinstance(taken, tuple):
            self._write(head_and_body(*taken))
            return
        id = self._log.received(path, headers, service.tokens(taken))
        if service.is_paced:
            self._work = asyncio.ensure_future(self._generate(path, taken, id))
        else:
            self._generate_now(path, taken)

    def _generate_now(self, path: str, body: dict[str, Any]) -> None:
        service = self._service
        service.counters.requests += 1
        if body.get("stream"):
            whole = b"".join(service.stream(path, body))
            self._write(b"%b%x\r\n%b\r\n0\r\n\r\n" % (_STREAM_HEAD, len(whole), whole))
        else:
            whole = service.whole_now(path, body)
            self._write(head_and_body(200, whole, "application/json"))
        service.done(body, 0.0)

    async def _generate(self, path: str, body: dict[str, Any], id: str) -> None:
        service = self._service
        began = time.monotonic()
        service.counters.requests += 1
        service.counters.running += 1
        try:
            if body.get("stream"):
                await self._stream(service.stream(path, body))
            else:
                whole = await service.whole(path, body)
                self._write(head_and_body(200, whole, "application/json"))
        except asyncio.CancelledError:
            service.counters.abort(time.time())
            self._log.aborted(id)
            raise
        finally:
            service.counters.running -= 1
            self._work = None
        service.done(body, time.monotonic() - began)
        if self._waiting:
            self._waiting.pop(0)()

    async def _stream(self, pieces: Iterator[bytes]) -> None:
        pace = self._service.pace()
        self._write(_STREAM_HEAD)
        for piece in pieces:
            if piece:
                self._write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await anext(pace)
        self._write(b"0\r\n\r\n")

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
