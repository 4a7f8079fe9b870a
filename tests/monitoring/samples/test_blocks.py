"""Packed blocks give back what was put in: to 0.2 %, what never changes exactly, gaps as gaps."""

from math import inf, isnan, nan

import pytest

from vllm_manager.monitoring.samples.blocks import Block, coarser
from vllm_manager.monitoring.samples.columns import HistogramSpan, ScalarSpan
from vllm_manager.monitoring.samples.figures import Labels

GPU: Labels = (("node", "a"), ("gpu", "0"))
OTHER: Labels = (("node", "a"), ("gpu", "1"))


def scalar(*means: float, highs: tuple[float, ...] | None = None) -> ScalarSpan:
    return ScalarSpan(0, 60, means, highs or means)


def packed(block: Block) -> Block:
    return Block.unpack(block.pack(), block.slots)


def means(block: Block, labels: Labels = GPU) -> list[float]:
    span = block.series[labels].span(0, 60)
    assert isinstance(span, ScalarSpan)
    return list(span.means)


@pytest.mark.parametrize("value", [1e-6, 0.003, 0.93, 52.0, 699.7, 85_899_345_920.0, 3e15])
def test_a_value_is_right_to_a_fifth_of_a_percent(value: float) -> None:
    block = Block(4)
    block.put(GPU, 0, scalar(value, 2 * value, 0.0, nan, highs=(value, 3 * value, 0.0, nan)))
    span = packed(block).series[GPU].span(0, 60)
    assert isinstance(span, ScalarSpan)
    assert list(span.means[:3]) == [
        pytest.approx(value, rel=0.0021),
        pytest.approx(2 * value, rel=0.0021),
        0.0,
    ]
    assert span.highs[1] == pytest.approx(3 * value, rel=0.0021)
    assert isnan(span.means[3])


def test_what_never_changes_is_exact_until_it_does() -> None:
    total = 85_899_345_920.0
    block = Block(6)
    block.put(GPU, 0, scalar(total, nan, total))
    block.put(GPU, 3, scalar(total))
    assert [v for v in means(packed(block)) if not isnan(v)] == [total] * 3
    again = packed(block)
    again.put(GPU, 4, scalar(total / 2))
    known = [v for v in means(packed(again)) if not isnan(v)]
    assert known == [*[pytest.approx(total, rel=0.0021)] * 3, pytest.approx(total / 2, rel=0.0021)]


def test_what_is_unknown_does_not_erase_what_was_known() -> None:
    block = Block(2)
    block.put(GPU, 0, scalar(1.0, 2.0))
    block.put(GPU, 0, scalar(nan, 3.0))
    assert means(packed(block)) == [pytest.approx(1, rel=0.0021), pytest.approx(3, rel=0.0021)]


def test_only_the_series_that_are_wanted_are_read() -> None:
    block = Block(2)
    block.put(GPU, 0, scalar(1.0, 2.0))
    block.put(OTHER, 0, scalar(5.0, 6.0))
    found = Block.unpack(block.pack(), 2, lambda labels: labels == OTHER)
    assert list(found.series) == [OTHER]
    assert means(found, OTHER) == [pytest.approx(5, rel=0.0021), pytest.approx(6, rel=0.0021)]


def test_a_histogram_keeps_small_counts_exactly_and_large_ones_nearly() -> None:
    bounds = (0.1, 1.0, inf)
    block = Block(3)
    buckets = {0: [3, 0, 31], 2: [0, 0, 123_456]}
    block.put(GPU, 0, HistogramSpan(0, 60, [0.5, 0.0, nan], bounds, {0: [3, 0, 0], 2: [0, 0, 0]}))
    block.put(GPU, 2, HistogramSpan(120, 60, [9.5], bounds, {b: c[2:] for b, c in buckets.items()}))
    span = packed(block).series[GPU].span(0, 60)
    assert isinstance(span, HistogramSpan)
    assert span.bounds == bounds
    assert list(span.buckets[0]) == [3, 0, 31]
    assert list(span.buckets[2]) == [0, 0, pytest.approx(123_456, rel=0.04)]
    assert list(span.sums) == [pytest.approx(0.5, rel=0.01), 0, pytest.approx(9.5, rel=0.01)]


def test_a_block_of_many_alike_series_is_a_byte_or_two_per_value() -> None:
    block = Block(60)
    for gpu in range(64):
        wave = [500.0 + (17 * gpu + 31 * n) % 97 for n in range(60)]
        block.put((("node", "a"), ("gpu", str(gpu))), 0, scalar(*wave))
    assert len(block.pack()) < 64 * 60 * 1.5


def test_a_coarser_span_has_means_of_means_and_the_highest() -> None:
    span = coarser(scalar(1.0, 3.0, nan, 5.0, nan, nan, highs=(2.0, 9.0, nan, 5.0, nan, nan)), 2)
    assert isinstance(span, ScalarSpan)
    assert (list(span.means[:2]), list(span.highs[:2])) == ([2.0, 5.0], [9.0, 5.0])
    assert isnan(span.means[2])
    counted = coarser(HistogramSpan(0, 60, [1.0, nan, nan, nan], (inf,), {0: [2, 0, 0, 0]}), 2)
    assert isinstance(counted, HistogramSpan)
    assert counted.buckets[0] == [2, 0]
    assert isnan(counted.sums[1])


@pytest.mark.parametrize("wanted", [slice(0, 1), slice(1, 3), slice(3, 3), slice(2, 6)])
def test_only_the_steps_that_are_wanted_are_read(wanted: slice) -> None:
    block = Block(6)
    counts = {0: [1, 2, 31, 4, 5, 6], 1: [40, 0, 7, 900, 0, 1]}
    sums = [1.0, nan, 3.0, 4.0, nan, 6.0]
    block.put(GPU, 0, HistogramSpan(0, 60, sums, (0.1, inf), counts))
    block.put(OTHER, 0, scalar(1.0, 2.0, nan, 4.0, 5.0, 6.0, highs=(2, 3, nan, 5, 6, 7)))
    read = packed(block)
    part, whole = (read.series[GPU].span(600, 60, cut) for cut in (wanted, slice(None)))
    assert isinstance(part, HistogramSpan)
    assert isinstance(whole, HistogramSpan)
    assert part.start == 600 + 60 * wanted.start
    assert list(map(str, part.sums)) == list(map(str, whole.sums[wanted]))
    assert {b: list(c) for b, c in part.buckets.items()} == {
        b: list(c[wanted]) for b, c in whole.buckets.items()
    }
    some, all_ = (read.series[OTHER].span(600, 60, cut) for cut in (wanted, slice(None)))
    assert isinstance(some, ScalarSpan)
    assert isinstance(all_, ScalarSpan)
    assert some.start == part.start
    assert list(map(str, some.means)) == list(map(str, all_.means[wanted]))
    assert list(map(str, some.highs)) == list(map(str, all_.highs[wanted]))
