"""How long the event loop of a bench is blocked."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator

_SETTLES_SECONDS = 0.005


class Blocked:
    """How long the event loop did nothing else, at most, by what was done meanwhile."""

    def __init__(self) -> None:
        self.longest_ms: dict[str, float] = {}
        self.doing = ""

    async def watch(self) -> None:
        """Try to wake up every millisecond; what comes in between is a block."""
        while True:
            doing, began = self.doing, time.perf_counter()
            await asyncio.sleep(0.001)
            late = (time.perf_counter() - began - 0.001) * 1000
            if doing:
                self.longest_ms[doing] = max(late, self.longest_ms.get(doing, 0.0))

    @contextlib.asynccontextmanager
    async def during(self, doing: str) -> AsyncGenerator[None]:
        """Name what comes in between, and nothing before and after it."""
        self.doing = doing
        await asyncio.sleep(_SETTLES_SECONDS)  # the watch waits under this name
        yield
        await asyncio.sleep(_SETTLES_SECONDS)  # it has woken up
        self.doing = ""
        await asyncio.sleep(_SETTLES_SECONDS)
