"""The last hour, in steps of two seconds: rates, quantiles, gaps, and what is no longer fresh."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from monitoring.samples.given import Room, replica, room_in, spread, values
from vllm_manager.kit.errors import Problem
from vllm_manager.monitoring.samples import Sample
from vllm_manager.monitoring.samples.schemas import encoded

RUNNING = "engine_requests_running"
TOKENS = "engine_generation_tokens_total"
TTFT = "engine_ttft_seconds"


def running(value: float, name: str = "r1", deployment: str = "chat") -> Sample:
    return Sample(RUNNING, replica(name, deployment), value)


def tokens(value: float, name: str = "r1") -> Sample:
    return Sample(TOKENS, replica(name), value)


async def test_a_gauge_is_what_was_said(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        for value in (1, 2, 3):
            room.tick(running(value))
        answer = await room.ask(RUNNING)
    assert (answer.source, answer.step_seconds, answer.unit) == ("memory", 2, "count")
    assert values(answer) == [1, 2, 3]
    assert answer.series[0].labels == {"deployment": "chat", "replica": "r1"}


async def test_a_counter_becomes_a_rate_and_begins_anew_with_its_process(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        for value in (1000, 1020, 1060, 10, 30):
            room.tick(tokens(value))
        assert values(await room.ask(TOKENS)) == [10, 20, 5, 10]
        counted = await room.ask(TOKENS, function="value", points=1)
    assert counted.step_seconds == 60
    assert sum(v or 0 for _, v in counted.series[0].points) == pytest.approx(11.25 * 60)


async def test_a_histogram_gives_the_quantile_of_each_step(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        for seen in (spread(10), spread(20), spread(20), spread(20, 10), spread(20, 10, 1)):
            room.tick(Sample(TTFT, replica(), seen))
        median = values(await room.ask(TTFT, quantile=0.5))
        mean = values(await room.ask(TTFT, function="mean"))
        rate = values(await room.ask(TTFT, function="rate"))
    assert median == [pytest.approx(0.05), None, pytest.approx(0.55), 1.0]
    assert mean == [pytest.approx(0.05), None, pytest.approx(0.5), pytest.approx(2.0)]
    assert rate == [5, 0, 5, 0.5]


async def test_an_engine_that_began_anew_gives_no_negative_counts(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        for seen in (spread(10), spread(20), spread(3)):
            room.tick(Sample(TTFT, replica(), seen))
        assert values(await room.ask(TTFT, function="rate")) == [5, 1.5]


async def test_a_gap_is_unknown_and_never_bridged(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        room.tick(running(5))
        for _ in range(10):
            room.tick()
        room.tick(running(5))
        assert values(await room.ask(RUNNING)) == [5, *[None] * 10, 5]


async def test_a_source_that_speaks_every_four_seconds_has_no_gaps(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        for value in (10, 30, 50):
            room.tick(running(value), tokens(value))
            room.tick()
        assert values(await room.ask(RUNNING)) == [10, 10, 30, 30, 50]
        assert values(await room.ask(TOKENS)) == [5, 5, 5, 5]


async def test_silence_is_shown_from_ten_seconds_on(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        room.tick(running(5))
        last = room.clock.now()
        for _ in range(5):
            room.tick()
        assert (await room.ask(RUNNING)).stale_since is None
        room.tick(running(1, "r2"), source="other")
        answer = await room.ask(RUNNING)
        latest = await room.samples.latest([RUNNING], {})
    by_replica = {series.labels["replica"]: series for series in answer.series}
    assert (by_replica["r1"].newest_at, by_replica["r1"].stale_since) == (last, last)
    assert (by_replica["r2"].stale_since, answer.stale_since) == (None, None)
    assert [item.labels["replica"] for item in latest.items] == ["r2"]


async def test_downsampling_keeps_the_peak(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        for number in range(300):
            room.tick(running(90 if number == 200 else 1))
        answer = await room.ask(RUNNING, "10m", points=20)
    (series,) = answer.series
    assert answer.step_seconds == 30
    assert len(series.points) in (20, 21)
    assert series.highest is not None
    assert max(value or 0 for value in series.highest) == 90
    assert max(value or 0 for _, value in series.points) < 8


async def test_series_are_put_together_as_suits_the_figure(tmp_path: Path) -> None:
    cache = "engine_kv_cache_usage_ratio"
    async with room_in(tmp_path) as room:
        for _ in range(2):
            room.tick(
                running(1), running(2, "r2"), running(7, "r9", "other"),
                Sample(cache, replica(), 0.2), Sample(cache, replica("r2"), 0.4),
            )  # fmt: skip
        by_deployment = await room.ask(RUNNING, by=["deployment"])
        total = await room.ask(RUNNING, by=[""])
        some = await room.ask(RUNNING, by=[""], where={"replica": ["r2", "r9"]})
        ratio = await room.ask(cache, by=["deployment"])
    assert [series.labels for series in by_deployment.series] == [
        {"deployment": "chat"},
        {"deployment": "other"},
    ]
    assert [values(by_deployment, n) for n in (0, 1)] == [[3, 3], [7, 7]]
    assert (values(total), values(some)) == ([10, 10], [9, 9])
    assert values(ratio) == [pytest.approx(0.3), pytest.approx(0.3)]


@pytest.mark.parametrize("figure", [RUNNING, TOKENS, TTFT])
async def test_an_answer_is_told_as_its_model_would_tell_it(tmp_path: Path, figure: str) -> None:
    async with room_in(tmp_path) as room:
        for number in range(1, 5):
            room.tick(
                running(1.5), tokens(9 * number), Sample(TTFT, replica(), spread(number, number))
            )
        answer = await room.ask(figure)
    assert answer.series
    assert json.loads(encoded(answer)) == json.loads(answer.model_dump_json(by_alias=True))


async def test_what_is_now_has_rates_and_quantiles(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        for number in range(1, 6):
            room.tick(
                running(4), tokens(20 * number), Sample(TTFT, replica(), spread(100 * number))
            )
        room.clock.advance(1)
        latest = await room.samples.latest(None, {"deployment": ["chat"]})
    found = {item.figure: item for item in latest.items}
    assert found[RUNNING].value == 4
    assert (found[TOKENS].value, found[TOKENS].unit) == (10, "per_second")
    assert (found[TTFT].value, found[TTFT].function) == (pytest.approx(0.095), "quantile")
    assert found[RUNNING].age_seconds == 1


async def test_who_is_silent_for_an_hour_is_forgotten_whatever_slots_are_hit(
    tmp_path: Path,
) -> None:
    async with room_in(tmp_path, FakeClock(datetime(2026, 1, 1, 9, 59, tzinfo=UTC))) as room:
        room.tick(running(1, "gone"), source="gone")
        room.tick(running(1), seconds=62)  # the hour's first step is not among those taken
        last = room.recorder._last  # pyright: ignore[reportPrivateUsage]
    assert [dict(labels)["replica"] for _, labels in last] == ["r1"]


async def test_the_wall_clock_may_jump(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        steps(room, 20)
        room.clock.jump_wall(-3600)
        steps(room, 90)
        back = await room.ask(RUNNING, "1m")
        room.clock.jump_wall(86_400)
        steps(room, 90)
        ahead = await room.ask(RUNNING, "1m")
    for answer in (back, ahead):
        assert set(values(answer)) == {1.0}
        assert answer.stale_since is None


def steps(room: Room, count: int) -> None:
    for _ in range(count):
        room.tick(running(1))


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"function": "rate"}, "function"),
        ({"by": ["gpu"]}, "by"),
        ({"span": "1y"}, "range"),
        ({"span": "0h"}, "range"),
        ({"span": "500d"}, "from"),
    ],
)
async def test_a_wrong_question_is_refused_by_field(
    tmp_path: Path, words: dict[str, str], field: str
) -> None:
    async with room_in(tmp_path, FakeClock()) as room:
        with pytest.raises(Problem) as refused:
            await room.ask(RUNNING, **words)  # type: ignore[arg-type]
    assert [error.field for error in refused.value.details.errors] == [field]


async def test_an_unknown_figure_is_told_with_those_that_resemble_it(tmp_path: Path) -> None:
    async with room_in(tmp_path) as room:
        with pytest.raises(Problem) as refused:
            await room.ask("engine_running")
    assert refused.value.details.status == 404
    assert RUNNING in refused.value.details.detail
