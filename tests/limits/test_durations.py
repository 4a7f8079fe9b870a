"""A histogram of few buckets tells shares about as they are."""

import random

import pytest

from vllm_manager.limits.durations import BOUNDS_SECONDS, BUCKETS, bucket_of, mean, quantile


def histogram(*seconds: float) -> list[int]:
    counts = [0] * BUCKETS
    for each in seconds:
        counts[bucket_of(each)] += 1
    return counts


def test_a_bound_belongs_to_the_bucket_below() -> None:
    assert [bucket_of(bound) for bound in BOUNDS_SECONDS] == list(range(BUCKETS - 1))
    assert bucket_of(0.0) == 0
    assert bucket_of(BOUNDS_SECONDS[-1] + 1) == BUCKETS - 1


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_of_nothing_nothing_is_known(share: float) -> None:
    assert quantile(histogram(), share) is None
    assert mean(0, histogram()) is None


def test_what_took_longer_than_the_last_bound_took_at_least_that_long() -> None:
    assert quantile(histogram(0.1, 1000.0, 2000.0), 0.95) == BOUNDS_SECONDS[-1]


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_of_durations_as_they_occur_it_is_off_by_less_than_a_third(share: float) -> None:
    chance = random.Random(1)
    for middle in (0.04, 0.2, 0.9, 3.0, 20.0):
        seconds = sorted(chance.lognormvariate(0, 0.6) * middle for _ in range(5000))
        found = quantile(histogram(*seconds), share)
        assert found == pytest.approx(seconds[int(share * 5000)], rel=0.33)
