"""Minutes for a week and hours for a year: written by one, read after a restart, and small."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from fakes.clock import FakeClock
from monitoring.samples.given import Room, replica, room_in, spread, values
from support.application import database_in
from vllm_manager.db import Lease
from vllm_manager.kit.process import ProcessIdentity
from vllm_manager.monitoring.samples import (
    History,
    HistoryUnavailableError,
    Line,
    Question,
    Sample,
)
from vllm_manager.monitoring.samples.archive import HOURS, MINUTES, TENS, Tier
from vllm_manager.monitoring.samples.question import HOUR, ask
from vllm_manager.monitoring.samples.tables import MetricBlock, MetricMinute

pytestmark = pytest.mark.integration

RUNNING = "engine_requests_running"
TOKENS = "engine_generation_tokens_total"
TTFT = "engine_ttft_seconds"


def at(hour: int, minute: int = 0) -> FakeClock:
    return FakeClock(datetime(2026, 11, 23, hour, minute, tzinfo=UTC))


async def run(room: Room, minutes: int, running: float = 3.0) -> None:
    """Let minutes pass: so many requests run, 10 tokens a second, 5 fast requests a step."""
    for _ in range(minutes):
        for _ in range(30):
            count = int(room.clock.monotonic())
            room.tick(
                Sample(RUNNING, replica(), running),
                Sample(TOKENS, replica(), 10.0 * count),
                Sample(TTFT, replica(), spread(5 * count // 2)),
            )
        await room.rollup.write()


async def test_an_hour_that_is_over_is_in_blocks_and_the_rest_in_minutes(tmp_path: Path) -> None:
    async with room_in(tmp_path, at(9, 50)) as room:
        await run(room, 15)
        async with database_in(tmp_path) as database, database.read() as session:
            tiers = (await session.scalars(select(MetricBlock.tier).distinct())).all()
            hours = await session.scalars(select(MetricBlock.start).where(MetricBlock.tier == 60))
            minutes = await session.scalar(select(func.count()).select_from(MetricMinute))
    assert sorted(tiers) == [60, 600, HOUR]
    assert set(hours) == {int(at(9).now().timestamp())}
    assert minutes == 5


async def test_what_was_measured_is_there_after_a_restart(tmp_path: Path) -> None:
    clock = at(9, 50)
    async with room_in(tmp_path, clock) as room:
        await run(room, 15)
        clock.advance(10)
        room.tick(Sample(RUNNING, replica(), 9.0))
        await room.rollup.flush()
    async with room_in(tmp_path, clock) as again:
        await run(again, 5, running=7)
        running = await again.ask(RUNNING, "30m", points=30)
        tokens = await again.ask(TOKENS, "30m", points=30)
        ttft = await again.ask(TTFT, "30m", points=30, function="rate")
        fine = await again.ask(RUNNING, "2m", points=60)
    assert (running.source, running.step_seconds) == ("database", 60)
    assert values(running)[:15] == [pytest.approx(3, rel=0.003)] * 15
    assert values(running)[16:20] == [pytest.approx(7)] * 4
    assert values(tokens)[1:15] == [pytest.approx(10, rel=0.003)] * 14
    assert values(ttft)[1:15] == [pytest.approx(2.5, rel=0.05)] * 14
    assert (fine.source, fine.step_seconds) == ("memory", 2)


async def test_a_minute_of_two_processes_is_one_and_no_newer_than_its_last_word(
    tmp_path: Path,
) -> None:
    clock = at(9, 50)
    begin = clock.now()
    async with room_in(tmp_path, clock) as room:
        for _ in range(10):
            room.tick(Sample(RUNNING, replica(), 3.0))
        last = clock.now()
        await room.rollup.flush()
    async with room_in(tmp_path, clock) as again:
        restored = await again.ask(RUNNING, "10m", points=10)
        clock.advance(10)
        for _ in range(10):
            again.tick(Sample(RUNNING, replica(), 9.0))
        shown = await again.ask(RUNNING, "10m", points=10)
        newest = clock.now()
        again.tick(seconds=60)
        rolled_up = await again.ask(RUNNING, "10m", points=10)
        await again.rollup.write()
    async with room_in(tmp_path, clock) as third:
        kept = await third.ask(RUNNING, "10m", points=10)
    assert (restored.series[0].newest_at, restored.series[0].stale_since) == (last, None)
    assert shown.series[0].newest_at == newest
    assert 3 < (values(shown)[-1] or 0) < 9
    for answer in (rolled_up, kept):
        assert values(answer)[0] == pytest.approx(6, rel=0.06)
        assert answer.series[0].points[-2][0] == begin.timestamp()


async def test_an_engine_that_died_is_not_stale_since_later_than_that(tmp_path: Path) -> None:
    async with room_in(tmp_path, at(9, 50)) as room:
        await run(room, 11)
        died = room.clock.now()
        for _ in range(60):
            room.tick(seconds=60)
        await room.rollup.write()
    async with room_in(tmp_path, room.clock) as again:
        for span, points in (("3h", 180), ("30d", 700)):
            answer = await again.ask(RUNNING, span, points=points)
            stale = answer.series[0].stale_since
            assert stale is not None
            assert stale <= died


async def test_a_database_that_is_gone_at_the_end_stops_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with database_in(tmp_path) as database:
        room = Room(database, at(9, 50))
        await room.start()
        await run(room, 1)
        async with database.engine.begin() as connection:
            await connection.run_sync(MetricMinute.metadata.tables["metric_minutes"].drop)
        await room.rollup.flush()
    assert "could not be written" in caplog.text


async def test_a_wall_clock_that_was_a_month_ahead_hides_and_loses_nothing(tmp_path: Path) -> None:
    month = 30 * 24 * HOUR
    async with room_in(tmp_path, at(9, 50)) as room:
        await run(room, 15, running=3)
        room.clock.jump_wall(month)
        await run(room, 65, running=50)
        room.clock.jump_wall(-month)
        await run(room, 5, running=7)
        answer = await room.ask(RUNNING, "2h", points=120)
        await run(room, 50, running=7)
        async with database_in(tmp_path) as database, database.read() as session:
            starts = await session.scalars(select(MetricBlock.start).where(MetricBlock.tier == 60))
            minutes = (await session.scalars(select(MetricMinute.start))).all()
    begin = int(at(9).now().timestamp())
    assert values(answer)[:15] == [pytest.approx(3, rel=0.003)] * 15
    assert values(answer)[-4:] == [pytest.approx(7)] * 4
    assert set(starts) == {begin, begin + HOUR, begin + 2 * HOUR}
    assert {start // HOUR * HOUR for start in minutes} == {begin + 3 * HOUR}


async def test_a_ring_that_a_jump_has_emptied_does_not_know_all(tmp_path: Path) -> None:
    async with room_in(tmp_path, at(9, 50)) as room:
        await run(room, 15, running=3)
        room.clock.jump_wall(5 * HOUR)
        await run(room, 2, running=7)
        answer = await room.ask(RUNNING, "6h", points=360)
    assert values(answer)[:5] == [pytest.approx(3, rel=0.003)] * 5
    assert values(answer)[-1] == pytest.approx(7)


async def test_after_a_kill_at_most_the_last_minute_is_missing(tmp_path: Path) -> None:
    clock = at(9, 10)
    async with room_in(tmp_path, clock) as room:
        await run(room, 5)
        room.tick(Sample(RUNNING, replica(), 100.0))  # never written
    async with room_in(tmp_path, clock) as again:
        answer = await again.ask(RUNNING, "10m", points=10)
    assert values(answer) == [pytest.approx(3)] * 5


async def test_an_hour_that_nobody_finished_is_written_by_the_next(tmp_path: Path) -> None:
    clock = at(9, 10)
    async with room_in(tmp_path, clock) as room:
        await run(room, 5)
    clock.advance(8 * HOUR)
    async with room_in(tmp_path, clock) as again:
        answer = await again.ask(RUNNING, "9h", points=9)
    assert (answer.step_seconds, values(answer)) == (HOUR, [pytest.approx(3)])


async def test_a_week_is_downsampled_and_keeps_its_peak(tmp_path: Path) -> None:
    clock = at(9, 0)
    async with room_in(tmp_path, clock) as room:
        await run(room, 30)
        await run(room, 1, running=50)
        await run(room, 30)
        clock.advance(5 * 24 * HOUR)
        answer = await room.ask(RUNNING, "7d", points=600)
    (series,) = answer.series
    assert (answer.step_seconds, answer.source) == (1200, "database")
    assert series.highest is not None
    assert max(value or 0 for value in series.highest) == pytest.approx(50, rel=0.003)
    assert max(value or 0 for _, value in series.points) < 8
    assert series.stale_since is not None


async def test_a_chart_of_very_many_series_has_longer_steps(tmp_path: Path) -> None:
    clock = at(9, 50)
    many = [replica(f"r{n}") for n in range(100)]
    async with room_in(tmp_path, clock) as room:
        await run(room, 2)
        await room.rollup.flush()
    async with room_in(tmp_path, clock) as again:
        for tick in range(1, 61):
            running = [Sample(RUNNING, one, 1.0) for one in many]
            again.tick(*running, *(Sample(TTFT, one, spread(tick)) for one in many))
        of_gauges = await again.ask(RUNNING, "7d", points=600)
        of_histograms = await again.ask(TTFT, "7d", points=600)
        of_one = await again.ask(TTFT, "7d", points=600, where={"replica": ["r1"]})
    steps = [answer.step_seconds for answer in (of_gauges, of_histograms, of_one)]
    assert steps == [HOUR, HOUR, 20 * 60]


@pytest.mark.parametrize(("tier", "slots"), [(MINUTES, 30), (TENS, 3), (HOURS, 1)])
def test_of_a_block_is_read_what_is_asked_for_and_written(tier: Tier, slots: int) -> None:
    start = tier.start(at(9).now().timestamp())
    first = (int(at(9).now().timestamp()) - start) // tier.step
    asked = ask(RUNNING, now=at(9, 50).now(), span="50m", points=5)
    until = int(at(9, 30).now().timestamp())
    assert tier.wanted(asked, start, until) == slice(first, first + slots)


async def test_who_does_not_hold_the_lease_writes_nothing(tmp_path: Path) -> None:
    clock = at(9, 50)
    async with database_in(tmp_path) as database:
        other = ProcessIdentity("elsewhere", 1, 1.0)
        await Lease(database, "reconciler", other, 1e9, clock).hold()
        room = Room(database, clock)
        room.lease = room.archive._lease = Lease(  # pyright: ignore[reportPrivateUsage]
            database, "reconciler", _me(), 1e9, clock
        )
        await room.start()
        await run(room, 15)
        async with database.read() as session:
            assert await session.scalar(select(func.count()).select_from(MetricMinute)) == 0
            assert await session.scalar(select(func.count()).select_from(MetricBlock)) == 0


def _me() -> ProcessIdentity:
    return ProcessIdentity("here", 2, 2.0)


async def test_what_is_older_than_its_tier_keeps_is_forgotten(tmp_path: Path) -> None:
    clock = at(9, 55)
    async with room_in(tmp_path, clock) as room:
        await run(room, 6)
        clock.advance(10 * 24 * HOUR)
        await run(room, 61)
        async with database_in(tmp_path) as database, database.read() as session:
            query = select(MetricBlock.tier, func.count()).where(MetricBlock.figure == RUNNING)
            rows = await session.execute(query.group_by(MetricBlock.tier))
            count = {row[0]: row[1] for row in rows}
        month = await room.ask(RUNNING, "30d", points=800)
    assert count == {60: 1, 600: 1, HOUR: 2}
    assert len([v for v in values(month) if v is not None]) >= 3


class Elsewhere:
    """A history that is asked, or is away."""

    source = "prometheus"

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.is_away = False

    async def query(self, question: Question) -> list[Line]:
        self.asked.append(question)
        if self.is_away:
            raise HistoryUnavailableError("connection refused")
        return [Line((("deployment", "chat"),), [1.0] * question.steps)]


async def test_long_spans_are_read_from_the_history_that_is_set(tmp_path: Path) -> None:
    elsewhere = Elsewhere()
    history: History = elsewhere  # type: ignore[assignment]
    async with room_in(tmp_path, at(9), history) as room:
        await run(room, 2)
        recent = await room.ask(RUNNING, "30m")
        old = await room.ask(RUNNING, "24h", by=["deployment"])
        elsewhere.is_away = True
        away = await room.ask(RUNNING, "24h")
    assert (recent.source, old.source, away.source) == ("memory", "prometheus", "memory")
    assert len(elsewhere.asked) == 2
    assert old.series[0].labels == {"deployment": "chat"}
