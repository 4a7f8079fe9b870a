"""Stands in for the control plane in the gateway's tests: speaks its side of the protocol."""

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from support.http_server import Exchange, HttpServer

KEY = "vm-test-key"
TOKEN = "internal-test-token"  # noqa: S105 - of no use anywhere


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def model(*endpoints: dict[str, str], phase: str = "ready", **more: Any) -> dict[str, Any]:
    """Return a model's entry of the snapshot."""
    return {
        "deployment": "demo",
        "created": 1790000000,
        "phase": phase,
        "reason": None,
        "retry_after_seconds": 5,
        "max_concurrent_requests": None,
        "endpoints": list(endpoints),
        **more,
    }


def snapshot(models: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a snapshot in which `KEY` may use `models`."""
    key = {"id": "key_1", "user": "usr_1", "name": "test", "expires_at": None, "models": None}
    session = {
        "id": "ses_1",
        "user": "usr_2",
        "csrf": sha256("csrf-token"),
        "expires_at": time.time() + 600,
    }
    return {
        "keys": {sha256(KEY): key},
        "sessions": {sha256("cookie-value"): session},
        "models": models,
        **more,
    }


class ControlPlane(HttpServer):
    """Publishes snapshots, takes usage, and echoes everything else."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(self._answer, port)
        self.epoch = "epoch-1"
        self.version = 0
        self.batches: dict[str, list[dict[str, Any]]] = {}
        self.batches_received = 0
        self.deleted: list[str] = []
        """Batches that it may forget, as it was told."""
        self.usage_status = 200
        self.workers: list[str] = []
        self.told: list[dict[str, Any]] = []
        """What workers said of their requests."""
        self.told_status = 200
        self.orders: dict[str, Any] = {}
        """What they are answered."""
        self.relayed: list[Exchange] = []
        self.answer_relayed = echo
        self._line = b""
        self._changed = asyncio.Condition()
        self._counted = asyncio.Event()
        self._heard = asyncio.Condition()

    async def publish(self, content: dict[str, Any]) -> int:
        """Send a snapshot to every worker, and return its version."""
        async with self._changed:
            self.version += 1
            whole = {"version": self.version, "epoch": self.epoch, **content}
            self._line = json.dumps(whole).encode() + b"\n"
            self._changed.notify_all()
        return self.version

    @property
    def records(self) -> list[dict[str, Any]]:
        """Return every usage record of a request, of each batch once."""
        return [record for record in self._everything() if not record["refusals"]]

    @property
    def refusals(self) -> Counter[tuple[str | None, str, int]]:
        """Return how many requests were refused, by key, model and status."""
        found: Counter[tuple[str | None, str, int]] = Counter()
        for record in self._everything():
            if record["refusals"]:
                found[record["key"], record["model"], record["status"]] += record["refusals"]
        return found

    def _everything(self) -> list[dict[str, Any]]:
        return [record for batch in self.batches.values() for record in batch]

    async def wait_for_records(self, count: int, within_seconds: float = 60) -> list[Any]:
        """Wait until `count` usage records have come."""
        await self._wait_until(lambda: len(self.records) >= count, within_seconds)
        return self.records

    async def wait_for_refusals(self, count: int) -> Counter[tuple[str | None, str, int]]:
        """Wait until `count` refusals have been told."""
        await self._wait_until(lambda: self.refusals.total() >= count, 60)
        return self.refusals

    async def _wait_until(self, holds: Callable[[], bool], within_seconds: float) -> None:
        async with asyncio.timeout(within_seconds):
            while not holds():
                self._counted.clear()
                await self._counted.wait()

    async def wait_until_told(
        self, holds: Callable[[dict[str, Any]], bool], within_seconds: float = 60
    ) -> dict[str, Any]:
        """Return the first of what workers say from now on for which `holds`."""
        first = len(self.told)
        async with asyncio.timeout(within_seconds), self._heard:
            while True:
                for told in self.told[first:]:
                    if holds(told):
                        return told
                first = len(self.told)
                await self._heard.wait()

    async def _hear(self, exchange: Exchange) -> None:
        async with self._heard:
            self.told.append(exchange.json)
            self._heard.notify_all()
        exchange.reply_json(self.orders, self.told_status)

    async def _answer(self, exchange: Exchange) -> None:
        if exchange.path.startswith("/internal/"):
            assert exchange.headers["authorization"] == f"Bearer {TOKEN}"
        if exchange.path == "/internal/v1/gateway/snapshots":
            await self._stream(exchange)
        elif exchange.path == "/internal/v1/gateway/usage":
            self._take_usage(exchange)
        elif exchange.path == "/internal/v1/gateway/requests":
            await self._hear(exchange)
        else:
            self.relayed.append(exchange)
            await self.answer_relayed(exchange)

    async def _stream(self, exchange: Exchange) -> None:
        self.workers.append(exchange.headers["x-gateway-worker"])
        exchange.start(content_type="application/x-ndjson")
        sent = -1
        while not exchange.gone.is_set():
            async with self._changed:
                while sent == self.version:
                    await self._changed.wait()
                sent, line = self.version, self._line
            await exchange.chunk(line)

    def _take_usage(self, exchange: Exchange) -> None:
        self.batches_received += 1
        if self.usage_status == 200:
            report = exchange.json
            self.batches.setdefault(report["batch"], report["records"])
            self.deleted += report["deleted"]
            self._counted.set()
        exchange.reply_json({}, self.usage_status)


async def echo(exchange: Exchange) -> None:
    """Answer with what was asked."""
    seen = {
        "method": exchange.method,
        "path": exchange.path,
        "headers": exchange.headers,
        "body_bytes": len(exchange.body),
    }
    exchange.reply_json(seen)
