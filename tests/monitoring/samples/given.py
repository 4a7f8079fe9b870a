"""What tests of samples share: a room on a fake clock, and readings by the second."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path

from fakes.clock import FakeClock
from support.application import database_in
from vllm_manager.db import Database, Lease
from vllm_manager.kit.process import own_identity
from vllm_manager.monitoring.samples import Board, Distribution, Sample
from vllm_manager.monitoring.samples.archive import Archive
from vllm_manager.monitoring.samples.history import History
from vllm_manager.monitoring.samples.past import Past
from vllm_manager.monitoring.samples.recorder import Recorder
from vllm_manager.monitoring.samples.rollup import Rollup
from vllm_manager.monitoring.samples.schemas import Function, MetricAnswer
from vllm_manager.monitoring.samples.service import Samples

BOUNDS = (0.1, 1.0, inf)


def replica(name: str = "r1", deployment: str = "chat") -> tuple[tuple[str, str], ...]:
    return (("deployment", deployment), ("replica", name))


def spread(fast: int, slow: int = 0, beyond: int = 0) -> Distribution:
    """Return a histogram of so many values up to 0.1 s, up to 1 s, and above."""
    counts = (float(fast), float(fast + slow), float(fast + slow + beyond))
    return Distribution(BOUNDS, counts, 0.05 * fast + 0.5 * slow + 2.0 * beyond)


class Room:
    """The parts of the room, without loops: a test moves the clock and says what is read."""

    def __init__(self, database: Database, clock: FakeClock, history: History | None = None):
        self.database = database
        self.clock = clock
        self.lease = Lease(database, "reconciler", own_identity(), 30, clock)
        self.board = Board(clock)
        self.recorder = Recorder()
        self.archive = Archive(database, self.lease)
        self.rollup = Rollup(self.recorder.ring, self.archive, clock)
        past = Past(self.recorder.ring, self.rollup, self.archive)
        self.samples = Samples(self.board, self.recorder.ring, past, clock, history)

    async def start(self) -> None:
        await self.lease.hold()
        await self.rollup.restore()

    def tick(self, *samples: Sample, source: str = "test", seconds: float = 2.0) -> None:
        """Let a step pass in which a source says this."""
        self.clock.advance(seconds)
        if samples:
            self.board.put(source, samples)
        self.record()

    def record(self) -> None:
        self.recorder.record(self.board.fresh(), self.clock.now().timestamp())
        for _ in self.rollup.close_minutes():
            pass

    async def ask(
        self,
        figure: str,
        span: str = "1m",
        *,
        points: int = 30,
        by: list[str] | None = None,
        where: Mapping[str, list[str]] | None = None,
        function: Function | None = None,
        quantile: float = 0.95,
    ) -> MetricAnswer:
        return await self.samples.query(
            figure,
            since=None,
            until=None,
            span=span,
            points=points,
            by=by,
            where=where or {},
            function=function,
            quantile=quantile,
        )


@asynccontextmanager
async def room_in(
    folder: Path, clock: FakeClock | None = None, history: History | None = None
) -> AsyncGenerator[Room]:
    """Yield a room that has begun on the folder's database."""
    async with database_in(folder) as database:
        room = Room(database, clock or FakeClock(), history)
        await room.start()
        yield room


def values(answer: MetricAnswer, line: int = 0) -> list[float | None]:
    """Return what is known of a line, in order, without the unknown at both ends."""
    found = [value for _, value in answer.series[line].points]
    known = [index for index, value in enumerate(found) if value is not None]
    return found[known[0] : known[-1] + 1] if known else []
