"""Publishes the gateway's snapshot: keys, sessions and routes, whenever one of them changes."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from vllm_manager.auth import Access
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.loops import Loop

# How often the sources are read without a nudge: expiry, and changes made by other processes.
PERIOD_SECONDS = 5.0
HEARTBEAT_SECONDS = 5.0

Routes = Callable[[], Awaitable[Mapping[str, Mapping[str, Any]] | None]]
"""Returns the snapshot's `models`: name → deployment, created, phase, reason, retry, endpoints.

None while too little is known, as after a start: the gateway then keeps what it has.
"""


@dataclass(slots=True)
class Worker:
    """A gateway worker that listens, or did lately."""

    pid: int | None
    last_seen_at: datetime
    snapshot_version: int


class SnapshotPublisher:
    """Keeps the newest snapshot and streams it to every gateway worker.

    Level-triggered: a nudge only shortens the wait. A worker that reads slowly skips to the
    newest snapshot; equal snapshots are not sent again.
    """

    def __init__(self, access: Access, routes: Routes, clock: Clock, epoch: str) -> None:
        self._access = access
        self._routes = routes
        self._clock = clock
        self._epoch = epoch
        self._version = 0
        self._body: dict[str, Any] | None = None
        self._line = b""
        self._turn = asyncio.Event()
        self._closed = False
        self._workers: dict[int, Worker] = {}
        self.loop = Loop("gateway snapshot", self.refresh, PERIOD_SECONDS)

    @property
    def version(self) -> int:
        return self._version

    def nudge(self) -> None:
        """Say that a source may have changed."""
        self.loop.nudge()

    def workers(self) -> list[Worker]:
        """Return the workers that are connected."""
        return list(self._workers.values())

    async def refresh(self) -> None:
        """Build the snapshot and, where it differs from the last, hand it to every stream."""
        models = await self._routes()
        if models is None:
            if self._body is None:
                return
            models = self._body["models"]  # a key that was revoked must not wait for Ray
        body = await self._build(models)
        if body == self._body:
            return
        self._body = body
        self._version += 1
        head = {"version": self._version, "epoch": self._epoch}
        self._line = orjson.dumps({**head, **body}) + b"\n"
        self._wake()

    def close(self) -> None:
        """End every stream, so that the process can stop."""
        self._closed = True
        self._wake()

    async def stream(self, pid: int | None) -> AsyncGenerator[bytes]:
        """Yield the snapshot now and after each change, and an empty line every 5 s."""
        worker = Worker(pid, self._clock.now(), 0)
        self._workers[id(worker)] = worker
        try:
            while not self._closed:
                turn = self._turn
                if worker.snapshot_version != self._version:
                    version, line = self._version, self._line
                    yield line
                    worker.snapshot_version = version
                elif not await _within(turn, HEARTBEAT_SECONDS):
                    yield b"\n"
                worker.last_seen_at = self._clock.now()
        finally:
            del self._workers[id(worker)]

    async def _build(self, models: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        keys = await self._access.keys_in_force()
        sessions = await self._access.sessions_in_force()
        return {
            "keys": {
                key.fingerprint: {
                    "id": key.id,
                    "user": key.user_id,
                    "name": key.name,
                    "expires_at": key.expires_at,
                    "models": None,
                }
                for key in keys
            },
            "sessions": {
                session.fingerprint: {
                    "id": session.id,
                    "user": session.user_id,
                    "csrf": session.csrf_fingerprint,
                    "expires_at": session.expires_at,
                }
                for session in sessions
            },
            "models": {name: dict(route) for name, route in models.items()},
        }

    def _wake(self) -> None:
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
