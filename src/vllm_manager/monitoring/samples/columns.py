"""Values in columns: one series' values at equal distances in time, in a ring that forgets."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from math import nan
from typing import Final, NamedTuple, TypeVar

from vllm_manager.monitoring.samples.figures import Labels

_MOST_IN_TWO_BYTES: Final = 65_535
Bounds = tuple[float, ...]
Number = TypeVar("Number", int, float)


class ScalarSpan(NamedTuple):
    """Values of a gauge, or of a counter's rate per second. NaN where nothing is known."""

    start: int
    """Seconds since 1970."""
    step: int
    means: Sequence[float]
    highs: Sequence[float]


class HistogramSpan(NamedTuple):
    """How many values fell into each bucket, step by step."""

    start: int
    step: int
    sums: Sequence[float]
    """Of all values. NaN where nothing is known, 0 where there were no values."""
    bounds: Bounds
    """Upper bounds, rising."""
    buckets: Mapping[int, Sequence[int]]
    """By index of the upper bound: values above the bound before and up to this one."""


Span = ScalarSpan | HistogramSpan


class ScalarValue(NamedTuple):
    """One step of a gauge, or of a counter's rate per second."""

    mean: float
    high: float


class HistogramValue(NamedTuple):
    """One step of a histogram."""

    total: float
    """Sum of all values."""
    bounds: Bounds
    """Upper bounds, rising."""
    counts: Mapping[int, int]
    """By index of the upper bound, of buckets into which values fell."""


Value = ScalarValue | HistogramValue


class ScalarColumn:
    """A gauge, or a counter's rate. `highs` is `means` where a step has one value."""

    __slots__ = ("highs", "means", "newest")

    def __init__(self, slots: int, has_highs: bool) -> None:
        self.means = array("f", [nan]) * slots
        self.highs = array("f", [nan]) * slots if has_highs else self.means
        self.newest = 0.0

    def clear(self, place: int) -> None:
        self.means[place] = nan
        self.highs[place] = nan

    def cut(self, places: Sequence[slice], start: int, step: int) -> ScalarSpan:
        means = _joined(self.means, places)
        highs = means if self.highs is self.means else _joined(self.highs, places)
        return ScalarSpan(start, step, means, highs)

    def value(self, place: int) -> ScalarValue | None:
        mean = self.means[place]
        return ScalarValue(mean, self.highs[place]) if mean == mean else None

    def is_empty(self) -> bool:
        return all(value != value for value in self.means)

    def trim(self) -> None:
        """There is nothing to give back."""


class HistogramColumn:
    """A histogram. Only buckets into which values fell have a column."""

    __slots__ = ("_slots", "bounds", "buckets", "newest", "sums")

    def __init__(self, slots: int, bounds: Bounds) -> None:
        self._slots = slots
        self.bounds = bounds
        self.sums = array("f", [nan]) * slots
        self.buckets: dict[int, array[int]] = {}
        self.newest = 0.0

    def clear(self, place: int) -> None:
        self.sums[place] = nan
        for counts in self.buckets.values():
            counts[place] = 0

    def put(self, place: int, total: float, counts: Mapping[int, int]) -> None:
        """Add to what is there."""
        before = self.sums[place]
        self.sums[place] = total if before != before else before + total
        for index, count in counts.items():
            column = self.buckets.get(index)
            if column is None:
                column = self.buckets[index] = array("H", [0]) * self._slots
            more = column[place] + count
            if more > _MOST_IN_TWO_BYTES and column.typecode == "H":
                column = self.buckets[index] = array("Q", column)
            column[place] = more

    def cut(self, places: Sequence[slice], start: int, step: int) -> HistogramSpan:
        buckets = {index: _joined(counts, places) for index, counts in self.buckets.items()}
        return HistogramSpan(start, step, _joined(self.sums, places), self.bounds, buckets)

    def value(self, place: int) -> HistogramValue | None:
        total = self.sums[place]
        if total != total:
            return None
        counts = {index: n for index, column in self.buckets.items() if (n := column[place])}
        return HistogramValue(total, self.bounds, counts)

    def is_empty(self) -> bool:
        return all(value != value for value in self.sums)

    def trim(self) -> None:
        """Give back the columns of buckets into which nothing falls any more."""
        self.buckets = {index: counts for index, counts in self.buckets.items() if any(counts)}


Column = ScalarColumn | HistogramColumn


def _joined(values: "array[Number]", places: Sequence[slice]) -> "array[Number]":
    first = values[places[0]]
    for place in places[1:]:
        first += values[place]
    return first


class Ring:
    """The newest `slots` steps of every series. Slot n lasts from n * step to (n + 1) * step."""

    def __init__(self, step: int, slots: int, has_highs: bool) -> None:
        self.step = step
        self.slots = slots
        self.newest: int | None = None
        """The slot that is written now."""
        self.oldest: int | None = None
        """The first slot that was written since the ring was empty."""
        self.times_emptied = 0
        """How often the wall clock was set so far away that nothing stayed."""
        self._has_highs = has_highs
        self._series: dict[str, dict[Labels, Column]] = {}

    def advance(self, slot: int) -> None:
        """Go to a slot, and forget what it and those before it held a whole ring ago.

        A wall clock that was set far away, either way, empties the ring: nothing in it would be
        where it belongs.
        """
        newest = self.newest
        if newest is not None and newest - self.slots < slot <= newest:
            for gone in range(slot + 1, newest + 1):
                self._clear(gone)
        elif newest is not None and newest < slot < newest + self.slots:
            for empty in range(newest + 1, slot + 1):
                self._clear(empty)
        else:
            if newest is not None:
                self._series.clear()
                self.times_emptied += 1
            self.oldest = slot
        self.newest = slot
        self.oldest = max(min(slot, self.oldest or slot), slot - self.slots + 1)

    @property
    def is_whole(self) -> bool:
        """Whether nothing was forgotten yet."""
        if self.times_emptied:
            return False
        if self.newest is None or self.oldest is None:
            return True
        return self.newest - self.oldest < self.slots - 1

    def scalar(self, figure: str, labels: Labels) -> ScalarColumn:
        """Return the series' column, which may be new."""
        columns = self._series.setdefault(figure, {})
        found = columns.get(labels)
        if not isinstance(found, ScalarColumn):
            found = columns[labels] = ScalarColumn(self.slots, self._has_highs)
        return found

    def histogram(self, figure: str, labels: Labels, bounds: Bounds) -> HistogramColumn:
        """Return the series' column, which may be new; with other bounds it begins anew."""
        columns = self._series.setdefault(figure, {})
        found = columns.get(labels)
        if not isinstance(found, HistogramColumn) or found.bounds != bounds:
            found = columns[labels] = HistogramColumn(self.slots, bounds)
        return found

    def of(self, figure: str) -> Mapping[Labels, Column]:
        """Return every series of a figure."""
        return self._series.get(figure, {})

    def figures(self) -> Sequence[str]:
        return list(self._series)

    def span(self, column: Column, first: int, last: int) -> Span | None:
        """Return a column's slots from `first` to before `last`, as far as they are held."""
        if self.newest is None:
            return None
        first, last = max(first, self.newest - self.slots + 1), min(last, self.newest + 1)
        if first >= last:
            return None
        return column.cut(self._places(first, last), first * self.step, self.step)

    def value(self, column: Column, slot: int) -> Value | None:
        """Return a column's value in a slot, if it is held and known."""
        if self.newest is None or not self.newest - self.slots < slot <= self.newest:
            return None
        return column.value(slot % self.slots)

    def sweep(self, turn: int, turns: int) -> None:
        """Drop what holds nothing any more, of one in `turns` series."""
        for columns in self._series.values():
            for labels in list(columns)[turn % turns :: turns]:
                columns[labels].trim()
                if columns[labels].is_empty():
                    del columns[labels]

    def _places(self, first: int, last: int) -> list[slice]:
        begin, end = first % self.slots, last % self.slots
        if begin < end:
            return [slice(begin, end)]
        return [slice(begin, self.slots), slice(0, end)]

    def _clear(self, slot: int) -> None:
        place = slot % self.slots
        for column in self._all():
            column.clear(place)

    def _all(self) -> Iterator[Column]:
        for columns in self._series.values():
            yield from columns.values()
