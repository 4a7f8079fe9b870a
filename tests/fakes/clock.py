"""A clock that tests move by hand."""

import asyncio
from datetime import UTC, datetime


class FakeClock:
    """Stands still until a test moves it; wall and monotonic time can be moved apart."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._monotonic + seconds, wake))
        await wake

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass on both clocks and wake whoever slept that long."""
        self._monotonic += seconds
        self.jump_wall(seconds)
        due = [s for s in self._sleepers if s[0] <= self._monotonic]
        self._sleepers = [s for s in self._sleepers if s[0] > self._monotonic]
        for _, wake in due:
            if not wake.done():
                wake.set_result(None)

    def jump_wall(self, seconds: float) -> None:
        """Move the wall clock alone, as a time server or a person does."""
        self._now = datetime.fromtimestamp(self._now.timestamp() + seconds, UTC)
