"""A publisher of snapshots over a real database, for tests and benches."""

import asyncio
import json
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from vllm_manager.auth import InForce
from vllm_manager.auth.keys import Keys
from vllm_manager.auth.subjects import Subjects
from vllm_manager.db import Database
from vllm_manager.gateway.publisher import SnapshotPublisher
from vllm_manager.kit.clock import Clock
from vllm_manager.limits import Spending, UsageLedger
from vllm_manager.limits.policies import KeyPolicies, Policies

ROUTE: dict[str, Any] = {
    "deployment": "demo",
    "created": 1,
    "phase": "ready",
    "reason": None,
    "retry_after_seconds": 5,
    "max_concurrent_requests": None,
    "max_queued_requests": 128,
    "queue_wait_seconds": 30.0,
    "endpoints": [],
}


@dataclass(frozen=True, slots=True)
class Publishing:
    """A publisher, and the rooms that it reads."""

    publisher: SnapshotPublisher
    keys: Keys
    policies: Policies
    ledger: UsageLedger
    models: dict[str, Any] = field(default_factory=lambda: {"demo": ROUTE})
    """What the routes are; with none, they are not known."""

    async def line(self) -> bytes:
        """Read everything anew, and return the line that a worker gets which connects now."""
        await self.publisher.refresh()
        stream = self.publisher.stream(None)
        line = await anext(stream)
        await stream.aclose()
        return line

    async def snapshot(self) -> dict[str, Any]:
        return json.loads(await self.line())


def publishing(database: Database, clock: Clock) -> Publishing:
    """Return a publisher whose only model is “demo”."""
    keys = Keys(database, clock, KeyPolicies(clock), lambda: None)
    spending = Spending(database, clock)
    policies = Policies(database, clock, keys, Subjects(database), spending, lambda: None)

    models: dict[str, Any] = {"demo": ROUTE}

    async def routes() -> dict[str, Any] | None:
        return models or None

    publisher = SnapshotPublisher(InForce(database, clock), policies, routes, clock, "epoch-1")
    return Publishing(publisher, keys, policies, UsageLedger(database, clock), models)


async def longest_stall_seconds(work: Coroutine[Any, Any, None]) -> float:
    """Run `work`; return the most processor time that the loop's thread spent in one go."""
    task = asyncio.create_task(work)
    longest = 0.0
    while not task.done():
        began = time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - began)
    await task
    return longest
