"""Everything that is not the gateway's own goes to the control plane, streaming both ways."""

import asyncio
from collections.abc import Mapping

from vllm_manager.gateway.answers import reply_away_page, reply_problem
from vllm_manager.gateway.asgi import Headers, Receive, Scope, Send
from vllm_manager.gateway.bodies import ClientLeft
from vllm_manager.gateway.context import Context, request_id
from vllm_manager.gateway.protocol import ClientConnection
from vllm_manager.gateway.upstream import Connection, UpstreamFailed
from vllm_manager.kit.addresses import is_within

_HEAD_SECONDS = 120.0
_BETWEEN_CHUNKS_SECONDS = 60.0  # event streams have a heartbeat every 10 s
_AWAY = "The control plane is starting, being upgraded, or stopped."

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    b"transfer-encoding upgrade expect".split()
)
_SET_HERE = frozenset(
    b"x-forwarded-for x-forwarded-proto x-forwarded-host forwarded x-real-ip x-request-id "
    b"x-engine-secret content-length".split()
)


async def relay(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
    """Relay one request, and end with the client: whichever side leaves, the other is told."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    client: ClientConnection = scope["connection"]
    task = asyncio.current_task()
    if client.lost or task is None:
        return
    client.on_lost = task.cancel
    try:
        await _Relayed(context, scope, headers).run(receive, send)
    except asyncio.CancelledError:
        if not client.lost and not context.is_draining:
            raise
        client.abort()
    except ClientLeft:
        client.abort()
    finally:
        client.on_lost = None


class _Relayed:
    def __init__(self, context: Context, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        self._context = context
        self._scope = scope
        self._headers = headers
        self._id = request_id(headers)
        self._started = False

    async def run(self, receive: Receive, send: Send) -> None:
        upstream: Connection | None = None
        try:
            upstream = await self._context.client.open(self._context.control.target)
            await self._ask(upstream, receive)
            await self._pass_on(upstream, send)
        except UpstreamFailed:
            if self._started:
                self._scope["connection"].abort()
            else:
                await self._say_away(send)
        finally:
            if upstream is not None:
                upstream.release()

    async def _ask(self, upstream: Connection, receive: Receive) -> None:
        length = self._headers.get(b"content-length")
        has_body = b"transfer-encoding" in self._headers or length not in (None, b"0")
        upstream.begin(self._head(length), bodiless=self._scope["method"] == "HEAD")
        while has_body and not upstream.answered:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            piece: bytes = message["body"]
            if piece:
                framed = piece if length else b"%x\r\n%b\r\n" % (len(piece), piece)
                await upstream.send(framed)
            has_body = message.get("more_body", False)
            if not has_body and not length:
                await upstream.send(b"0\r\n\r\n")
        await upstream.head(_HEAD_SECONDS)

    def _head(self, length: bytes | None) -> bytes:
        scope = self._scope
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        lines = [b"%b %b%b HTTP/1.1" % (scope["method"].encode(), scope["raw_path"], query)]
        named = self._headers.get(b"connection", b"").lower()
        dropped = {token.strip() for token in named.split(b",")} if named else set[bytes]()
        lines += [
            b"%b: %b" % (name, value)
            for name, value in scope["headers"]
            if name not in _HOP_BY_HOP and name not in _SET_HERE and name not in dropped
        ]
        lines += self._forwarded()
        if length is not None:
            lines.append(b"content-length: " + length)
        elif b"transfer-encoding" in self._headers:
            lines.append(b"transfer-encoding: chunked")
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _forwarded(self) -> list[bytes]:
        """Say who asks. What is said of others counts only from a proxy that is trusted."""
        peer: str = (self._scope["client"] or ("",))[0]
        proto: bytes = self._scope["scheme"].encode()
        if is_within(peer, self._context.proxies):
            proto = self._headers.get(b"x-forwarded-proto", proto)
        source = self._context.address(self._scope, self._headers).encode()
        host = self._headers.get(b"host", b"")
        return [
            b"x-forwarded-for: " + source,
            b"x-forwarded-proto: " + proto,
            b"x-forwarded-host: " + host,
            b"x-request-id: " + self._id,
        ]

    async def _pass_on(self, upstream: Connection, send: Send) -> None:
        headers: Headers = [
            header
            for header in upstream.headers
            if header[0] not in _HOP_BY_HOP and header[0] != b"server"
        ]
        names = {name for name, _ in headers}
        if b"x-request-id" not in names:
            headers.append((b"x-request-id", self._id))
        self._note_event_stream(upstream)
        self._started = True
        await send({"type": "http.response.start", "status": upstream.status, "headers": headers})
        try:
            while data := await upstream.read(_BETWEEN_CHUNKS_SECONDS):
                await send({"type": "http.response.body", "body": data, "more_body": True})
        finally:
            self._context.event_streams.discard(_this_task())
        await send({"type": "http.response.body", "body": b""})

    def _note_event_stream(self, upstream: Connection) -> None:
        kind = next((v for n, v in upstream.headers if n == b"content-type"), b"")
        if kind.startswith(b"text/event-stream"):
            self._context.event_streams.add(_this_task())

    async def _say_away(self, send: Send) -> None:
        accepts = self._headers.get(b"accept", b"")
        if b"text/html" in accepts and self._scope["method"] in ("GET", "HEAD"):
            await reply_away_page(send, _AWAY, self._id)
            return
        detail = f"{_AWAY} Models go on answering under /v1. Try again in a few seconds."
        await reply_problem(
            send, 503, "control_plane_away", detail, self._id, retry_after_seconds=3
        )


def _this_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None
    return task
