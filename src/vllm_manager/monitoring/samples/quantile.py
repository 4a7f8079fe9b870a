"""The quantile of one histogram (pure)."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from math import inf

Edge = tuple[float, float]
"""What a bucket holds: values above, and up to."""


def quantile(edges: Sequence[Edge], counts: Sequence[int], share: float) -> float | None:
    """Return the value below which `share`, above 0, of all lie; None where there are none.

    As `buckets.quantiles` does of many steps; of one this is quicker.
    """
    upto = list(accumulate(counts))
    if not upto or not upto[-1]:
        return None
    rank = share * upto[-1]
    row = bisect_left(upto, rank)
    lower, upper = edges[row]
    width = 0.0 if upper == inf else upper - lower
    return lower + width * (rank - upto[row] + counts[row]) / counts[row]
