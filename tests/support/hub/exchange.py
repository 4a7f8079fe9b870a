"""One request on a socket, and the answer to it: parsed and written with blocking calls."""

import contextlib
import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

from support.hub.contents import CHUNK_BYTES, Content, OnDisk
from support.hub.faults import NONE, Fault

_LIMIT_BYTES = 1 << 16
_REASONS = {200: "OK", 206: "Partial Content", 302: "Found", 404: "Not Found"}


class Dropped(ConnectionError):
    """The connection is broken off on purpose."""


@dataclass
class Request:
    """What was asked. `path` is as it came, `segments` are decoded one by one."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes = b""
    status: int | None = None
    sent_bytes: int = 0
    """Bytes of the body that were sent in answer."""
    at: float = field(default_factory=time.monotonic)

    @property
    def segments(self) -> list[str]:
        return [unquote(part) for part in self.path.split("/") if part]

    @property
    def token(self) -> str | None:
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        return value if kind.lower() == "bearer" and value else None

    def one(self, name: str) -> str | None:
        values = self.query.get(name)
        return values[0] if values else None

    def is_true(self, name: str) -> bool:
        return (self.one(name) or "").lower() in {"true", "1"}


def read_request(stream: BinaryIO) -> Request | None:
    """Read a request; None where the client has closed."""
    line = stream.readline(_LIMIT_BYTES).decode("latin-1").split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while (raw := stream.readline(_LIMIT_BYTES)) not in {b"\r\n", b"\n", b""}:
        name, _, value = raw.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get("content-length") or 0))
    url = urlsplit(line[1])
    return Request(line[0], url.path, parse_qs(url.query), headers, body)


class Exchange:
    """A request and the socket to answer it on."""

    def __init__(self, request: Request, connection: socket.socket, fault: Fault = NONE) -> None:
        self.request = request
        self.fault = fault
        self._socket = connection

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status line and the headers."""
        self.request.status = status
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer."""
        self.head(status, {**(headers or {}), "Content-Length": str(len(body))})
        if self.request.method != "HEAD":
            self._socket.sendall(body)
            self.request.sent_bytes += len(body)

    def reply_json(
        self, value: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        kind = {"Content-Type": "application/json; charset=utf-8"}
        self.reply(status, json.dumps(value).encode(), {**kind, **(headers or {})})

    def refuse(self, status: int, code: str | None, message: str, **more: str) -> None:
        """Answer an error as the Hub words it."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        if code:
            headers["X-Error-Code"] = code
        headers["X-Error-Message"] = message
        self.reply_json({"error": message}, status, headers)

    def send(self, content: Content, offset: int, count: int) -> None:
        """Send a part of a file, with what the fault does to it."""
        fault = self.fault
        limits = [fault.drop_after_bytes, fault.stall_after_bytes]
        limit = min((limit for limit in limits if limit is not None), default=count)
        is_plain = fault.flip_byte_at is None and fault.bytes_per_second is None
        if is_plain and isinstance(content, OnDisk):
            self._send_file(content, offset, min(count, limit))
        else:
            self._send_chunks(content, offset, min(count, limit))
        if limit < count:
            if fault.stall_after_bytes is not None:
                fault.over.wait()
            raise Dropped

    def _send_file(self, content: OnDisk, offset: int, count: int) -> None:
        with content.path.open("rb") as file:
            while count > 0:
                sent = os.sendfile(
                    self._socket.fileno(), file.fileno(), offset, min(count, 1 << 30)
                )
                if sent == 0:
                    return
                offset, count = offset + sent, count - sent
                self.request.sent_bytes += sent

    def _send_chunks(self, content: Content, offset: int, count: int) -> None:
        pace = self.fault.bytes_per_second
        piece = CHUNK_BYTES if pace is None else max(1, min(CHUNK_BYTES, pace // 20))
        for chunk in content.chunks(offset, count):
            for start in range(0, len(chunk), piece):
                part = self._flipped(chunk[start : start + piece], offset)
                self._socket.sendall(part)
                self.request.sent_bytes += len(part)
                offset += len(part)
                if pace is not None:
                    self.fault.over.wait(len(part) / pace)

    def _flipped(self, part: memoryview, offset: int) -> memoryview:
        at = self.fault.flip_byte_at
        if at is None or not offset <= at < offset + len(part):
            return part
        changed = bytearray(part)
        changed[at - offset] ^= 0xFF
        return memoryview(bytes(changed))

    def close(self) -> None:
        """Break the connection off."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
