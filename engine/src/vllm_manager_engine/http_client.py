"""The smallest HTTP/1.1 client that the engine side needs: one request, one connection, asyncio.

The standard library's is blocking, and others' would be dependencies of every engine environment.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_MAX_BODY_BYTES = 32 * 1024 * 1024


class HttpError(Exception):
    """No usable answer: refused, timed out, cut off, or not HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the parsed body.

        Raises:
            HttpError: it is not JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise HttpError(f"the answer is not JSON: {self.body[:200]!r}") from error


async def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: Any = None,
    timeout_seconds: float,
) -> Answer:
    """Send one request (`body` as JSON) and return the whole answer.

    Raises:
        HttpError: within `timeout_seconds` there was no complete answer.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _exchange(method, url, dict(headers or {}), body)
    except TimeoutError as error:
        raise HttpError(f"no answer within {timeout_seconds:g} s") from error
    except (OSError, EOFError, ValueError, IndexError, asyncio.LimitOverrunError) as error:
        raise HttpError(str(error) or type(error).__name__) from error


async def _exchange(method: str, url: str, headers: dict[str, str], body: Any) -> Answer:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    reader, writer = await asyncio.open_connection(
        parts.hostname,
        parts.port or (443 if secure else 80),
        ssl=ssl.create_default_context() if secure else None,
    )
    try:
        writer.write(_head_and_body(method, parts.netloc, parts.path, headers, body))
        return await _read(reader)
    finally:
        writer.transport.abort()


def _head_and_body(method: str, host: str, path: str, headers: dict[str, str], body: Any) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    fields = {"Host": host, "Connection": "close", **headers, "Content-Length": str(len(content))}
    if content:
        fields["Content-Type"] = "application/json"
    lines = [f"{method} {path or '/'} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *rest = head.split("\r\n")
    fields = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in rest)}
    if not status_line.startswith("HTTP/1."):
        raise ValueError(f"not HTTP: {status_line[:80]!r}")
    status = int(status_line.split()[1])
    if fields.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status, await _read_chunks(reader))
    if "content-length" in fields:
        length = int(fields["content-length"])
        if length > _MAX_BODY_BYTES:
            raise ValueError(f"the answer has {length} bytes")
        return Answer(status, await reader.readexactly(length))
    return Answer(status, await reader.read(_MAX_BODY_BYTES))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        if len(body) + size > _MAX_BODY_BYTES:
            raise ValueError("the answer is too long")
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    return bytes(body)
