"""Publishes the gateway's snapshot: keys, sessions, limits and routes, whenever one changes."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vllm_manager.auth import InForce
from vllm_manager.gateway.sections import (
    Sections,
    keys_text,
    limits_text,
    models_text,
    sessions_text,
    used_texts,
)
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.loops import Loop
from vllm_manager.limits.policies import Policies, Scope, quotas_of

# How often the sources are read without a nudge: expiry, and changes made by other processes.
PERIOD_SECONDS = 5.0
HEARTBEAT_SECONDS = 5.0

Routes = Callable[[], Awaitable[Mapping[str, Mapping[str, Any]] | None]]
"""Returns the snapshot's `models`: name → deployment, created, phase, reason, retry, endpoints.

None while too little is known, as after a start: the gateway then keeps the models that it has.
"""


@dataclass(slots=True)
class Worker:
    """A gateway worker that listens, or did lately."""

    pid: int | None
    connected_at: datetime
    """Not when it was last alive: a worker that is stopped keeps its connection."""
    snapshot_version: int


class SnapshotPublisher:
    """Keeps the newest snapshot and streams it to every gateway worker.

    Level-triggered: a nudge only shortens the wait. A worker that reads slowly skips to the
    newest snapshot; equal snapshots are not sent again.
    """

    def __init__(
        self, in_force: InForce, policies: Policies, routes: Routes, clock: Clock, epoch: str
    ) -> None:
        self._in_force = in_force
        self._policies = policies
        self._routes = routes
        self._clock = clock
        self._sections = Sections(epoch)
        self._version = 0
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
        """Build the snapshot and, where it differs from the last, hand it to every stream.

        What was used of quotas is for workers that start: alone, it is no reason to send.
        """
        sections, models = self._sections, await self._routes()
        # A key that was revoked must not wait until the routes are known.
        is_new = models is not None and sections.put("models", models_text(models))
        is_new |= await self._put_people()
        self._version += is_new
        self._line = sections.line(self._version)
        if is_new:
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
        finally:
            del self._workers[id(worker)]

    async def _put_people(self) -> bool:
        """Write what is about people anew; return whether it has news."""
        keys: list[bytes] = []
        key_ids: set[str] = set()
        async with aclosing(self._in_force.keys()) as parts:
            async for some in parts:
                keys.append(keys_text(some))
                key_ids.update(key.id for key in some)
        async with aclosing(self._in_force.sessions()) as parts:
            sessions = [sessions_text(some) async for some in parts]
        limits, quotas = await self._limits(key_ids)
        used = await self._policies.used(quotas)
        put = self._sections.put
        is_new = [put("keys", *keys), put("sessions", *sessions), put("limits", *limits)]
        today = self._clock.now().date()
        put("used", *await asyncio.to_thread(used_texts, used, today))
        return any(is_new)

    async def _limits(self, key_ids: set[str]) -> tuple[list[bytes], dict[Scope, list[str]]]:
        """Return the limits of all but keys that are over, and the subjects that have quotas."""
        texts: list[bytes] = []
        quotas: dict[Scope, list[str]] = {}
        async with aclosing(self._policies.in_force()) as parts:
            async for some in parts:
                current = [p for p in some if p.scope != "key" or p.subject in key_ids]
                texts.append(limits_text(current))
                for scope, subjects in quotas_of(current).items():
                    quotas.setdefault(scope, []).extend(subjects)
        return texts, quotas

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
