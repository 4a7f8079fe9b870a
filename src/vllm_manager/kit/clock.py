"""Time as a dependency: deadlines use the monotonic clock, people see the wall clock."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where code asks for the time, so that tests can move it."""

    def now(self) -> datetime:
        """Return the wall clock's time in UTC. It may jump; never measure with it."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow, from an arbitrary origin."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of monotonic time."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
