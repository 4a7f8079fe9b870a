"""How long an event loop is blocked, by what is done meanwhile."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

_SETTLES_SECONDS = 0.005


@dataclass(slots=True)
class Blocked:
    """How long the event loop did nothing else, at most, by what was done meanwhile."""

    longest_ms: dict[str, float] = field(default_factory=dict[str, float])
    """What others waited, which is also for whatever else the machine does."""
    own_ms: dict[str, float] = field(default_factory=dict[str, float])
    """Processor time that the loop's own thread spent at a stretch."""
    doing: str = ""

    async def watch(self) -> None:
        """Try to wake up every millisecond; what comes in between is a block."""
        while True:
            doing, began, spent = self.doing, time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.001)
            if doing:
                late = time.perf_counter() - began - 0.001
                _keep_longest(self.longest_ms, doing, late)
                _keep_longest(self.own_ms, doing, time.thread_time() - spent)

    @contextlib.asynccontextmanager
    async def during(self, doing: str) -> AsyncGenerator[None]:
        """Name what comes in between, and nothing before and after it."""
        self.doing = doing
        await asyncio.sleep(_SETTLES_SECONDS)  # the watch waits under this name
        yield
        await asyncio.sleep(_SETTLES_SECONDS)  # it has woken up
        self.doing = ""
        await asyncio.sleep(_SETTLES_SECONDS)


def _keep_longest(kept: dict[str, float], doing: str, seconds: float) -> None:
    kept[doing] = max(seconds * 1000, kept.get(doing, 0.0))
