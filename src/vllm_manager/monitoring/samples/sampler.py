"""The loop that asks every source every two seconds, and keeps what they say."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from vllm_manager.kit.clock import Clock
from vllm_manager.monitoring.samples.reading import Board, Collector
from vllm_manager.monitoring.samples.recorder import Recorder
from vllm_manager.monitoring.samples.rollup import Rollup
from vllm_manager.monitoring.samples.turns import in_turns

log = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 1.0


class Feed(Protocol):
    """Puts readings on the board, of one source or of many."""

    @property
    def name(self) -> str: ...

    async def feed(self, board: Board) -> None:
        """Put what is new."""
        ...


class CollectorFeed:
    """A collector's samples as one reading."""

    def __init__(self, collector: Collector) -> None:
        self.name = collector.name
        self._collector = collector

    async def feed(self, board: Board) -> None:
        """Ask the collector."""
        board.put(self.name, await self._collector.collect())


class Sampler:
    """A source that hangs or fails keeps no other from being heard."""

    def __init__(
        self,
        board: Board,
        feeds: Sequence[Feed],
        recorder: Recorder,
        rollup: Rollup,
        clock: Clock,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._board = board
        self._feeds = feeds
        self._recorder = recorder
        self._rollup = rollup
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._running: dict[str, asyncio.Task[None]] = {}

    async def step(self) -> None:
        """Ask all, wait a moment for them, and record what has come."""
        for feed in self._feeds:
            running = self._running.get(feed.name)
            if running is None or running.done():
                self._running[feed.name] = asyncio.create_task(self._ask(feed), name=feed.name)
        if self._running:
            await asyncio.wait(self._running.values(), timeout=self._patience_seconds)
        self._recorder.record(self._board.fresh(), self._clock.now().timestamp())
        await in_turns(self._rollup.close_minutes())

    async def stop(self) -> None:
        """Leave sources that are still being asked."""
        for running in self._running.values():
            running.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _ask(self, feed: Feed) -> None:
        try:
            await feed.feed(self._board)
        except Exception:
            log.exception("%s: reading its figures failed and will be tried again", feed.name)
