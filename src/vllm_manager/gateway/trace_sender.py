"""Sends traces to a collector, in batches and off the requests' way; what is lost is counted."""

import asyncio
import logging
import ssl
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import vllm_manager
from vllm_manager.gateway import otlp
from vllm_manager.gateway.traces import Tracer
from vllm_manager.kit.certificates import PairRefused, system_trust

log = logging.getLogger(__name__)

_PERIOD_SECONDS = 1.0
_MAX_PAUSE_SECONDS = 30.0
_MOST_AT_ONCE = 256
_ANSWER_SECONDS = 10.0
_ANSWER_BYTES = 1 << 16
_TELL_SECONDS = 60.0
_TRY_AGAIN = frozenset({429, 502, 503, 504})
"""Those for which the protocol says so; after any other error the batch is dropped."""


class Collector(NamedTuple):
    """Where traces go: the base address of an OTLP/HTTP receiver."""

    host: str
    port: int
    path: str
    is_secure: bool

    @classmethod
    def of(cls, endpoint: str) -> "Collector":
        parts = urlsplit(endpoint)
        is_secure = parts.scheme == "https"
        port = parts.port or (443 if is_secure else 80)
        return cls(parts.hostname or "", port, parts.path.rstrip("/") + otlp.PATH, is_secure)


class TraceSender:
    """One per worker."""

    def __init__(self, tracer: Tracer, endpoint: str, worker: int, ca_file: Path | None) -> None:
        """`ca_file`: authorities that are trusted beside the system's."""
        self._tracer = tracer
        self._collector = Collector.of(endpoint)
        self._worker = worker
        self._failures = 0
        self._told_at = -_TELL_SECONDS
        self._ca_file = ca_file
        self._trust: ssl.SSLContext | None = None

    async def run(self) -> None:
        """Send once a second for ever, less often while nobody takes it."""
        while True:
            pause = _PERIOD_SECONDS * 2 ** min(self._failures, 8)
            await asyncio.sleep(min(pause, _MAX_PAUSE_SECONDS))
            try:
                await self.send()
            except Exception:
                log.exception("traces could not be sent")

    async def send(self) -> None:
        """Send what has ended. A batch that nobody takes now is kept, within bounds."""
        while batch := self._tracer.take(_MOST_AT_ONCE):
            body = await asyncio.to_thread(
                otlp.encode, batch, vllm_manager.__version__, self._worker
            )
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    status = await self._post(body)
            # A timeout is an OSError.
            except (OSError, EOFError, ValueError, PairRefused) as error:
                self._tracer.give_back(batch)
                self._failed(str(error) or type(error).__name__)
                return
            if status in _TRY_AGAIN:
                self._tracer.give_back(batch)
                self._failed(f"it answered {status}")
                return
            if not 200 <= status < 300:
                self._tracer.dropped += len(batch)
                self._failed(f"it answered {status}")
                return
            self._failures = 0

    async def _post(self, body: bytes) -> int:
        to = self._collector
        trust = await self._trusted() if to.is_secure else None
        reader, writer = await asyncio.open_connection(to.host, to.port, ssl=trust)
        host = f"[{to.host}]" if ":" in to.host else to.host
        head = (
            f"POST {to.path} HTTP/1.1\r\nhost: {host}:{to.port}\r\nconnection: close\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        try:
            writer.write(head.encode("latin-1") + body)
            await writer.drain()
            line = await reader.readline()
            await reader.read(_ANSWER_BYTES)
            return int(line.split(b" ", 2)[1])
        except IndexError as error:
            raise EOFError("the connection ended without an answer") from error
        finally:
            writer.transport.abort()

    async def _trusted(self) -> ssl.SSLContext:
        if self._trust is None:  # reads every certificate authority: tens of milliseconds
            self._trust = await asyncio.to_thread(system_trust, self._ca_file)
        return self._trust

    def _failed(self, cause: str) -> None:
        self._failures += 1
        now = time.monotonic()
        if now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            where = f"{self._collector.host} port {self._collector.port}"
            lost = self._tracer.dropped
            log.warning("traces can't be sent to %s (%s); lost so far: %d", where, cause, lost)
