"""A small HTTP/1.1 server for tests: each exchange is in the test's hands, byte by byte."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, cast

import httptools


class Exchange:
    """One request, and the answer to it."""

    def __init__(self, transport: asyncio.Transport, method: str, path: str) -> None:
        self.method = method
        self.path = path
        self.headers: dict[str, str] = {}
        self.body = b""
        self.gone = asyncio.Event()
        """Set in the moment that the client's connection ends."""
        self._transport = transport
        self._writable = asyncio.Event()
        self._writable.set()
        self.is_chunked = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def write(self, data: bytes) -> None:
        """Send raw bytes, to nobody where the client has gone."""
        if not self.gone.is_set():
            self._transport.write(data)

    def start(self, status: int = 200, **headers: str) -> None:
        """Begin a chunked answer."""
        self.is_chunked = True
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
        head = f"HTTP/1.1 {status} Status\r\n{''.join(lines)}transfer-encoding: chunked\r\n\r\n"
        self.write(head.encode())

    async def chunk(self, data: bytes) -> None:
        """Send a chunk, waiting while the client does not read."""
        await self._writable.wait()
        self.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        self.write(b"0\r\n\r\n")

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        """Send a whole answer."""
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
        head = f"HTTP/1.1 {status} Status\r\n{''.join(lines)}content-length: {len(body)}\r\n\r\n"
        self.write(head.encode() + body)

    def reply_json(self, value: object, status: int = 200) -> None:
        self.reply(status, json.dumps(value).encode(), content_type="application/json")

    def hang_up(self) -> None:
        """Break the connection off."""
        self._transport.abort()

    def finish(self) -> None:
        """Close the connection in order, once everything is sent."""
        self._transport.close()

    def set_writable(self, *, writable: bool) -> None:
        if writable:
            self._writable.set()
        else:
            self._writable.clear()


Handler = Callable[[Exchange], Awaitable[None]]


class _Connection(asyncio.Protocol):
    def __init__(self, server: "HttpServer") -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._exchange: Exchange | None = None
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self._transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self._transport)
        if self._exchange is not None:
            self._exchange.gone.set()
            self._exchange.set_writable(writable=True)

    def pause_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.set_writable(writable=False)

    def resume_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.set_writable(writable=True)

    def on_message_begin(self) -> None:
        self._url, self._headers, self._body = b"", {}, b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._headers.get("expect") == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode()
        exchange = Exchange(self._transport, method, self._url.decode())
        exchange.headers, exchange.body = self._headers, self._body
        self._exchange = exchange
        self._server.accept(exchange)


class HttpServer:
    """Listens on a free loopback port, keeps what was asked, and lets `handler` answer."""

    def __init__(self, handler: Handler, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.handler = handler
        self.tls = tls
        self.exchanges: list[Exchange] = []
        self.connections: set[asyncio.Transport] = set()
        self.port = port
        self._arrived = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def is_listening(self) -> bool:
        return self._server is not None

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.kill()

    async def listen(self) -> None:
        """Listen, on the same port as before if there was one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), "127.0.0.1", self.port, reuse_address=True, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        """Stop as a killed process does: every connection breaks, the port refuses."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for transport in list(self.connections):
            transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def accept(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self._arrived.set()
        task = asyncio.create_task(self._run(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def arrival(self, number: int = 1) -> Exchange:
        """Wait until `number` requests have come in all, and return the last of them."""
        while len(self.exchanges) < number:
            self._arrived.clear()
            await asyncio.wait_for(self._arrived.wait(), 30)
        return self.exchanges[number - 1]

    async def _run(self, exchange: Exchange) -> None:
        with contextlib.suppress(ConnectionError):
            await self.handler(exchange)
