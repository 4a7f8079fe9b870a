"""The gateway's HTTP/1.1 client: kept-alive connections to engines and to the control plane."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import NamedTuple, cast

import httptools

_HIGH_WATER_BYTES = 1 << 16
_SWEEP_SECONDS = 0.25
_IDLE_SECONDS = 3.0  # engines and the control plane close an idle connection after 5 s
_IDLE_PER_TARGET = 512


class UpstreamFailed(Exception):
    """An exchange with an upstream broke off."""


class Unreachable(UpstreamFailed):
    """No connection could be made: the upstream has seen nothing of the request."""


class Dropped(UpstreamFailed):
    """The connection ended before the first byte of an answer."""


class Silent(UpstreamFailed):
    """No first byte came in time."""


class Broken(UpstreamFailed):
    """The answer began, and broke off or stopped coming."""


class Target(NamedTuple):
    """Where an upstream listens."""

    host: str
    port: int


class Connection(asyncio.Protocol):
    """One connection, used by one exchange at a time.

    `begin`, then `head`, then `read` until it returns nothing, then `release`, which must be called
    on every way out: it keeps a connection whose answer was read whole, and aborts any other, so
    that the upstream stops its work at once.
    """

    def __init__(self, client: "UpstreamClient", target: Target) -> None:
        self.target = target
        self.reused = False
        self.idle_since = 0.0
        self.deadline: float | None = None
        self._client = client
        self._loop = client.loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._write_paused = False
        self._read_paused = False
        self._lost = False
        self._reset(bodiless=False)

    def _reset(self, *, bodiless: bool) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False
        self._bodiless = bodiless
        self._has_head = False
        self._has_bytes = False
        self._keep = False
        self._framed = False
        self._error: UpstreamFailed | None = None
        self._chunks: list[bytes] = []
        self._buffered_bytes = 0

    # What an exchange calls

    @property
    def usable(self) -> bool:
        return not self._lost and self._transport is not None

    @property
    def answered(self) -> bool:
        """True from the moment that the answer's head is known."""
        return self._has_head

    def begin(self, request: bytes, *, bodiless: bool = False) -> None:
        """Send the head of a request and what is known of its body.

        Args:
            request: bytes for the wire.
            bodiless: the answer has no body whatever its headers say (HEAD).
        """
        self._reset(bodiless=bodiless)
        self._client.active.add(self)
        self._write(request)

    async def send(self, data: bytes) -> None:
        """Send more of the request's body, no faster than the upstream takes it."""
        if self._error is not None:
            raise self._error
        self._write(data)
        if self._write_paused and not self._lost:
            self._writable = self._loop.create_future()
            await self._writable

    async def head(self, timeout_seconds: float) -> None:
        """Wait for status and headers of the answer.

        Raises:
            Dropped: the connection ended first.
            Silent: `timeout_seconds` passed.
            Broken: what came is no HTTP answer.
        """
        self.deadline = self._loop.time() + timeout_seconds
        while not self._has_head:
            await self._progress()

    async def read(self, timeout_seconds: float) -> bytes:
        """Return what has come of the body, waiting for at least a byte; nothing at its end.

        Raises:
            Broken: the answer broke off, or nothing came for `timeout_seconds`.
        """
        if not self._chunks and not self.complete:
            self.deadline = self._loop.time() + timeout_seconds
            while not self._chunks and not self.complete:
                await self._progress()
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._chunks = []
        self._buffered_bytes = 0
        if self._read_paused and self._transport is not None:
            self._read_paused = False
            self._transport.resume_reading()
        return data

    def release(self) -> None:
        """End the exchange. Safe to call twice."""
        self._client.active.discard(self)
        self.deadline = None
        transport = self._transport
        if transport is None:
            return
        if self.complete and self._keep and not self._chunks and not transport.is_closing():
            self._client.keep(self)
        else:
            self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def fail(self, error: UpstreamFailed) -> None:
        """Break the exchange off with `error` (what has already come can still be read)."""
        if self._error is None and not self.complete:
            self._error = error
        self.abort()
        self._wake()

    def expire(self) -> None:
        """Called when the deadline has passed."""
        if self._waiter is None:
            return  # nobody waits: a slow client is not the upstream's fault
        if self._has_bytes:
            self.fail(Broken("the answer stopped coming"))
        else:
            self.fail(Silent("no answer came in time"))

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.complete:
            self.abort()  # more than was asked for: not a connection to use again
            return
        self._has_bytes = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(Broken(f"the answer is not HTTP: {error}"))
            return
        if self._buffered_bytes > _HIGH_WATER_BYTES and not self._read_paused:
            transport = self._transport
            if transport is not None and not self.complete:
                self._read_paused = True
                transport.pause_reading()
        if self._has_head:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._transport = None
        self._client.forget(self)
        if self._has_head and not self._framed and exc is None:
            self.complete = True  # an answer without a length ends with its connection
        if not self.complete and self._error is None:
            kind = Broken if self._has_bytes else Dropped
            self._error = kind(f"the connection ended ({exc or 'closed by the upstream'})")
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    # What the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self.headers = []
            return
        self.status = status
        self._has_head = True
        self._framed = status in (204, 304) or any(
            name in (b"content-length", b"transfer-encoding") for name, _ in self.headers
        )
        if self._bodiless:
            self.complete = True

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._buffered_bytes += len(body)

    def on_message_complete(self) -> None:
        if self._has_head and not self._bodiless:
            self.complete = True
            self._keep = self._parser.should_keep_alive()

    # Inside

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _progress(self) -> None:
        if self._error is not None:
            raise self._error
        if self._lost:
            raise Dropped("the connection ended")
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


class UpstreamClient:
    """Opens connections, keeps idle ones, and ends exchanges whose time is over."""

    def __init__(self, connect_seconds: float, *, clock: Callable[[], float] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.active: set[Connection] = set()
        self._connect_seconds = connect_seconds
        self._clock = clock or self.loop.time
        self._idle: dict[Target, list[Connection]] = {}
        self._timer = self.loop.call_later(_SWEEP_SECONDS, self._sweep)

    async def open(self, target: Target, *, fresh: bool = False) -> Connection:
        """Return a connection to `target`, an idle one unless `fresh`.

        Raises:
            Unreachable: nobody accepts a connection there within the connect timeout.
        """
        idle = None if fresh else self._idle.get(target)
        while idle:
            connection = idle.pop()
            if connection.usable:
                connection.reused = True
                return connection
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await self.loop.create_connection(
                    lambda: Connection(self, target), target.host, target.port
                )
        except TimeoutError as error:
            raise Unreachable(f"no connection within {self._connect_seconds} s") from error
        except OSError as error:
            raise Unreachable(str(error)) from error
        return connection

    def keep(self, connection: Connection) -> None:
        """Take back a connection whose answer was read whole."""
        idle = self._idle.setdefault(connection.target, [])
        if len(idle) >= _IDLE_PER_TARGET:
            connection.abort()
            return
        connection.idle_since = self._clock()
        idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """Drop a connection that ended while it was idle."""
        idle = self._idle.get(connection.target)
        if idle:
            with contextlib.suppress(ValueError):
                idle.remove(connection)

    def close(self) -> None:
        self._timer.cancel()
        for connection in [*self.active, *(c for idle in self._idle.values() for c in idle)]:
            connection.abort()
        self._idle.clear()

    def _sweep(self) -> None:
        now = self._clock()
        for connection in [c for c in self.active if c.deadline is not None and c.deadline < now]:
            connection.expire()
        for target, idle in list(self._idle.items()):
            while idle and idle[0].idle_since + _IDLE_SECONDS < now:
                idle.pop(0).abort()
            if not idle:
                del self._idle[target]
        self._timer = self.loop.call_later(_SWEEP_SECONDS, self._sweep)
