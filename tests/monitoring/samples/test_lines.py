"""Lines are what a plain, slow reckoning comes to: value by value, step by step, at random."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import inf, nan
from random import Random

import numpy as np
import pytest

from monitoring.samples.given import replica
from vllm_manager.monitoring.samples import Line, Question
from vllm_manager.monitoring.samples.buckets import quantiles
from vllm_manager.monitoring.samples.columns import HistogramSpan, ScalarSpan, Span
from vllm_manager.monitoring.samples.lines import Series, lines
from vllm_manager.monitoring.samples.quantile import quantile
from vllm_manager.monitoring.samples.question import ask
from vllm_manager.monitoring.samples.schemas import Function

LENGTH = 2400
NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
OLD, NEW = (0.1, 1.0, inf), (0.1, 0.5, 1.0, 5.0, inf)
"""Bounds of two versions of an engine."""


def question(figure: str, function: Function, step: int, quantile: float = 0.95) -> Question:
    asked = ask(figure, now=NOW, span="1h", by=["deployment"], function=function, quantile=quantile)
    start = asked.start // LENGTH * LENGTH
    return replace(asked, step=step, start=start, end=start + LENGTH)


def series(dice: Random, asked: Question) -> list[Series]:
    """Return two deployments of one to three replicas, known from overlapping spans with gaps."""
    return [
        Series(replica(f"r{n}", name), list(spans(dice, asked)), asked.end - 60.0 * n)
        for name in ("chat", "code")
        for n in range(dice.randint(1, 3))
    ]


def spans(dice: Random, asked: Question) -> Iterator[Span]:
    for step in (600, 60, 2):
        if asked.step % step == 0:
            start = asked.start + step * dice.randint(-4, 4)
            yield span(dice, asked, start, step, dice.randint(1, 3000 // step))


def span(dice: Random, asked: Question, start: int, step: int, length: int) -> Span:
    gaps = dice.choice((0.0, 0.2))
    means = [nan if dice.random() < gaps else dice.uniform(0, 9) for _ in range(length)]
    if asked.figure.kind != "histogram":
        return ScalarSpan(start, step, means, [mean + dice.random() for mean in means])
    bounds = dice.choice((OLD, NEW))
    counts = {
        bucket: [0 if mean != mean else dice.choice((0, 3, 900)) for mean in means]
        for bucket in dice.sample(range(len(bounds)), dice.randint(0, len(bounds)))
    }
    return HistogramSpan(start, step, means, bounds, counts)


def within(asked: Question, step: int, one: Span, length: int) -> Iterator[int]:
    """Yield the indices of a span's values that belong to one step of the question."""
    first = (asked.start + step * asked.step - one.start) // one.step
    for index in range(first, first + asked.step // one.step):
        if 0 <= index < length:
            yield index


def reckoned(asked: Question, members: Sequence[Series], step: int) -> float | None:
    """Return what a histogram's line is at one step."""
    counts: dict[tuple[float, float], int] = {}
    total, longest = 0.0, 0
    for one in members:
        seconds = 0
        for part in one.spans:
            assert isinstance(part, HistogramSpan)
            for index in within(asked, step, part, len(part.sums)):
                if part.sums[index] == part.sums[index]:
                    seconds += part.step
                    total += part.sums[index]
                for bucket, column in part.buckets.items():
                    edge = (part.bounds[bucket - 1] if bucket else 0.0, part.bounds[bucket])
                    counts[edge] = counts.get(edge, 0) + column[index]
        longest = max(longest, seconds)
    count = sum(counts.values())
    if asked.function == "rate":
        return count / longest if longest else None
    if not count:
        return None
    return total / count if asked.function == "mean" else below(counts, asked.quantile * count)


def below(counts: dict[tuple[float, float], int], rank: float) -> float:
    passed = 0
    for lower, upper in sorted(counts, key=lambda edge: (edge[1], edge[0])):
        count = counts[lower, upper]
        if count and passed + count >= rank:
            return lower if upper == inf else lower + (upper - lower) * (rank - passed) / count
        passed += count
    raise AssertionError("no such rank")


def reckoned_mean(asked: Question, one: Series, step: int) -> tuple[float | None, float | None]:
    """Return the mean and the highest value of one series at one step."""
    total, seconds, high = 0.0, 0, -inf
    for part in one.spans:
        assert isinstance(part, ScalarSpan)
        for index in within(asked, step, part, len(part.means)):
            if part.means[index] == part.means[index]:
                total += part.means[index] * part.step
                seconds += part.step
                high = max(high, part.highs[index])
    return (total / seconds, high) if seconds else (None, None)


def reckoned_sum(
    asked: Question, members: Sequence[Series], step: int
) -> tuple[float | None, float | None]:
    found = [reckoned_mean(asked, one, step) for one in members]
    known = [(mean, high) for mean, high in found if mean is not None and high is not None]
    if not known:
        return None, None
    return sum(mean for mean, _ in known), sum(high for _, high in known)


def members_of(line: Line, given: Sequence[Series]) -> list[Series]:
    return [one for one in given if one.labels[0] in line.labels]


def alike(values: Sequence[float | None]) -> list[object]:
    return [None if value is None else pytest.approx(value, rel=1e-12) for value in values]


@pytest.mark.parametrize("step", [2, 60, 600, 1200])
@pytest.mark.parametrize(
    ("function", "quantile"),
    [("quantile", 0.95), ("quantile", 0.0), ("quantile", 1.0), ("mean", 0), ("rate", 0)],
)
def test_histograms_are_added_up_bucket_by_bucket(
    function: Function, quantile: float, step: int
) -> None:
    for seed in range(1 if step == 2 else 4):
        asked = question("engine_ttft_seconds", function, step, quantile)
        given = series(Random(seed), asked)
        found = lines(asked, given)
        assert found
        for line in found:
            members = members_of(line, given)
            expected = [reckoned(asked, members, n) for n in range(asked.steps)]
            assert list(line.values) == alike(expected)


@pytest.mark.parametrize("step", [2, 60, 600, 1200])
def test_gauges_are_means_by_time_and_keep_their_peaks(step: int) -> None:
    for seed in range(1 if step == 2 else 4):
        asked = question("engine_requests_running", "value", step)
        given = series(Random(seed), asked)
        for line in lines(asked, given):
            members = members_of(line, given)
            expected = [reckoned_sum(asked, members, n) for n in range(asked.steps)]
            assert list(line.values) == alike([mean for mean, _ in expected])
            assert line.highest is not None
            assert list(line.highest) == alike([high for _, high in expected])


def test_a_span_outside_the_question_and_one_of_another_kind_count_for_nothing() -> None:
    asked = question("engine_ttft_seconds", "rate", 600)
    before = HistogramSpan(asked.start - 6000, 600, [1.0], OLD, {0: [7]})
    gauge = ScalarSpan(asked.start, 600, [1.0], [1.0])
    inside = HistogramSpan(asked.start, 600, [1.0], OLD, {})
    (line,) = lines(asked, [Series(replica(), [before, gauge, inside], None)])
    assert list(line.values) == [0.0, *[None] * 3]


def test_of_what_lies_above_the_last_bound_only_the_bound_is_known() -> None:
    edges = [(0.0, 1.0), (1.0, inf)]
    assert quantiles(edges, np.array([[4, 1, 0], [0, 9, 0]]), 0.5) == [0.5, 1.0, None]


@pytest.mark.parametrize("share", [0.01, 0.5, 0.95, 1.0])
def test_the_quantile_of_one_step_is_that_of_many(share: float) -> None:
    dice = Random(1)
    edges = [(0.0, 0.1), (0.1, 0.5), (0.5, 2.0), (2.0, inf)]
    counts = np.array([[dice.choice((0, 0, 1, 70)) for _ in range(500)] for _ in edges])
    alone = [quantile(edges, column.tolist(), share) for column in counts.T]
    assert None in alone
    assert quantiles(edges, counts, share) == alone


@pytest.mark.integration
def test_who_shows_no_histogram_loads_no_numpy() -> None:
    code = "import sys, vllm_manager.api.server; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
