"""How long requests took, in few figures that add up: a histogram with bounds that never change."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

BOUNDS_SECONDS: Final = tuple(2.0**power for power in range(-5, 9))
"""Upper bounds: 31 ms, doubled up to 256 s. Rows on disk count by them: changing one needs a
migration."""

BUCKETS: Final = len(BOUNDS_SECONDS) + 1
"""The last is for whatever took longer."""


def bucket_of(seconds: float) -> int:
    """Return the number of the bucket that a duration belongs to."""
    return bisect_left(BOUNDS_SECONDS, seconds)


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Return about how many seconds `share` of durations took at most; None: none is known.

    Within a bucket durations are taken to lie evenly, so the answer is off by less than the
    bucket's width. Beyond the last bound that bound is returned: it took at least that long.
    """
    wanted = share * sum(counts)
    if not wanted:
        return None
    below = 0
    for number, count in enumerate(counts):
        if below + count >= wanted and count:
            if number == len(BOUNDS_SECONDS):
                break
            lower = BOUNDS_SECONDS[number - 1] if number else 0.0
            return lower + (BOUNDS_SECONDS[number] - lower) * (wanted - below) / count
        below += count
    return BOUNDS_SECONDS[-1]


def mean(total_ms: int, counts: Sequence[int]) -> float | None:
    """Return the mean in seconds; None where no duration is known."""
    known = sum(counts)
    return total_ms / 1000 / known if known else None
