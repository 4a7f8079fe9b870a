"""How a figure moves: a bounded past of it, and whether it grows."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

_Point = tuple[float, float]


class Trend:
    """The values of one figure over the last `length_seconds`, at most one per `step_seconds`.

    One value before them is kept, so that they cover that length however they fall.
    """

    def __init__(self, length_seconds: float, step_seconds: float) -> None:
        self._length = length_seconds
        self._step = step_seconds
        self._points: deque[_Point] = deque()

    def add(self, at: float, value: float) -> None:
        """Note `value` at monotonic second `at`."""
        if not self._points or at - self._points[-1][0] >= self._step:
            self._points.append((at, value))
        while len(self._points) > 1 and at - self._points[1][0] >= self._length:
            self._points.popleft()

    @property
    def last_at(self) -> float:
        return self._points[-1][0] if self._points else 0.0

    @property
    def covers_seconds(self) -> float:
        return self._points[-1][0] - self._points[0][0] if self._points else 0.0

    @property
    def points(self) -> Sequence[_Point]:
        return self._points


def slope_per_second(points: Sequence[_Point]) -> float:
    """Return the slope of the line of least squares; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    mean_t = sum(t for t, _ in points) / len(points)
    mean_v = sum(v for _, v in points) / len(points)
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    if spread == 0:
        return 0.0
    return sum((t - mean_t) * (v - mean_v) for t, v in points) / spread


def grows_steadily(points: Sequence[_Point], parts: int = 6) -> bool:
    """Return whether the lowest value of each of `parts` stretches is above that of the one before.

    A process that frees its memory now and then does not: what it falls back to stays the same.
    """
    if len(points) < 2 * parts:
        return False
    size = len(points) / parts
    listed = list(points)
    lows = [
        min(v for _, v in listed[round(i * size) : round((i + 1) * size)]) for i in range(parts)
    ]
    return all(later > earlier for earlier, later in pairwise(lows))


def never_empties(points: Sequence[_Point], least: float) -> bool:
    """Return whether there are values, and every one is at least `least`."""
    return bool(points) and min(v for _, v in points) >= least


def grows(points: Sequence[_Point]) -> bool:
    """Return whether the last value is above the first."""
    return points[-1][1] > points[0][1]
