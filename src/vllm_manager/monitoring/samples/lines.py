"""From spans of values to the lines of an answer: downsampled, and put together (pure)."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, zip_longest
from math import inf
from typing import Final, NamedTuple

from vllm_manager.monitoring.samples.columns import HistogramSpan, Number, ScalarSpan, Span
from vllm_manager.monitoring.samples.figures import Labels
from vllm_manager.monitoring.samples.history import Line
from vllm_manager.monitoring.samples.question import Question

Values = list[float | None]
_MOST_STRIDES: Final = 8
"""With more values in a step, it is quicker to take step by step."""


class Series(NamedTuple):
    """One series, with what is known of it from wherever."""

    labels: Labels
    spans: Sequence[Span]
    newest: float | None


def lines(question: Question, series: Iterable[Series]) -> list[Line]:
    """Return the lines of which anything is known, in the order of their labels."""
    groups: defaultdict[Labels, list[Series]] = defaultdict(list)
    for one in series:
        groups[question.group(one.labels)].append(one)
    draw = _histogram if question.figure.kind == "histogram" else _scalar
    drawn = [draw(question, labels, members) for labels, members in sorted(groups.items())]
    return [line for line in drawn if any(value is not None for value in line.values)]


def _newest(members: Sequence[Series]) -> float | None:
    return max((one.newest for one in members if one.newest is not None), default=None)


class _Layout(NamedTuple):
    """How a span's values fall into the question's steps."""

    place: int
    """The step of the question in which the first of them lies."""
    first: int
    """Index of the first value that belongs to the question."""
    until: int
    per_step: int
    head: int
    """How many values lie in a first step that began before them; 0: it begins with them."""

    @property
    def counts(self) -> list[int]:
        """How many values lie in each step."""
        rest = self.until - self.first - self.head
        whole, tail = divmod(rest, self.per_step)
        return [*self._head(), *[self.per_step] * whole, *([tail] if tail else [])]

    def _head(self) -> list[int]:
        return [self.head] if self.head else []

    def reduced(
        self, values: Sequence[Number], reduce: Callable[[Iterable[Number]], Number], fill: Number
    ) -> list[Number]:
        """Return one value of those in each step. `fill` changes no reduction."""
        begin = self.first + self.head
        found = [reduce(values[self.first : begin])] if self.head else []
        part = values[begin : self.until]
        if self.per_step == 1:
            return [*found, *part]
        if self.per_step > _MOST_STRIDES:
            starts = range(0, len(part), self.per_step)
            return [*found, *(reduce(part[n : n + self.per_step]) for n in starts)]
        strides = [part[k :: self.per_step] for k in range(self.per_step)]
        return [*found, *map(reduce, zip_longest(*strides, fillvalue=fill))]


def _layout(question: Question, span: Span, length: int) -> _Layout | None:
    per_step = max(1, question.step // span.step)
    first = max(0, -(-(question.start - span.start) // span.step))
    until = min(length, (question.end - span.start) // span.step)
    if first >= until:
        return None
    place, after = divmod(span.start + first * span.step - question.start, question.step)
    head = min(until - first, per_step - after // span.step) if after else 0
    return _Layout(place, first, until, per_step, head)


def _cleared(
    values: Sequence[float], layout: _Layout, fill: float
) -> tuple[Sequence[float], list[int]]:
    """Return the values with `fill` for what is unknown, and how many are known by step."""
    total = sum(values[layout.first : layout.until])
    if total == total:  # with one unknown value it would not be
        return values, layout.counts
    known = [int(value == value) for value in values]
    cleared = [value if value == value else fill for value in values]
    return cleared, layout.reduced(known, sum, 0)


# Gauges and counters


def _scalar(question: Question, labels: Labels, members: Sequence[Series]) -> Line:
    together = "mean" if question.function == "mean" else question.figure.together
    binned = [_binned(question, one) for one in members]
    means = _combined([mean for mean, _ in binned], together)
    highs = _combined([high for _, high in binned], "sum" if together == "sum" else "highest")
    if question.figure.kind == "counter" and question.function == "value":
        times = question.step
        means = [None if value is None else value * times for value in means]
        highs = None
    return Line(labels, means, highs, _newest(members))


class _Bins:
    """Sums, weights in seconds, and highest values by step of one series."""

    def __init__(self, steps: int) -> None:
        self.sums = [0.0] * steps
        self.seconds = [0] * steps
        self.highs = [-inf] * steps

    def add(self, question: Question, span: ScalarSpan) -> None:
        layout = _layout(question, span, len(span.means))
        if layout is None:
            return
        means, counts = _cleared(span.means, layout, 0.0)
        highs, _ = _cleared(span.highs, layout, -inf)
        sums = layout.reduced(means, sum, 0.0)
        where = slice(layout.place, layout.place + len(sums))
        step = span.step
        self.sums[where] = [a + b * step for a, b in zip(self.sums[where], sums, strict=True)]
        self.seconds[where] = [
            a + b * step for a, b in zip(self.seconds[where], counts, strict=True)
        ]
        self.highs[where] = map(max, self.highs[where], layout.reduced(highs, max, -inf))


def _binned(question: Question, one: Series) -> tuple[Values, Values]:
    """Return the mean and the highest value of each step."""
    bins = _Bins(question.steps)
    for span in one.spans:
        if isinstance(span, ScalarSpan):
            bins.add(question, span)
    means: Values = [s / w if w else None for s, w in zip(bins.sums, bins.seconds, strict=True)]
    return means, [high if high > -inf else None for high in bins.highs]


def _combined(parts: Sequence[Values], together: str) -> Values:
    if len(parts) == 1:
        return parts[0]
    return [_together(values, together) for values in zip(*parts, strict=True)]


def _together(values: Sequence[float | None], how: str) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    if how == "highest":
        return max(known)
    return sum(known) / len(known) if how == "mean" else sum(known)


# Histograms


class _Buckets:
    """Counts by step of each bucket (above, up to) of all members, and the sums of their values."""

    def __init__(self, steps: int) -> None:
        self.counts: dict[tuple[float, float], list[int]] = {}
        self.sums = [0.0] * steps
        self.seconds = [0] * steps
        self._steps = steps

    def add(self, question: Question, spans: Sequence[Span]) -> None:
        """Add one member."""
        seconds = [0] * self._steps
        for span in spans:
            if isinstance(span, HistogramSpan):
                self._add(question, span, seconds)
        self.seconds = list(map(max, self.seconds, seconds))

    def _add(self, question: Question, span: HistogramSpan, seconds: list[int]) -> None:
        layout = _layout(question, span, len(span.sums))
        if layout is None:
            return
        values, known = _cleared(span.sums, layout, 0.0)
        sums = layout.reduced(values, sum, 0.0)
        where = slice(layout.place, layout.place + len(sums))
        self.sums[where] = map(float.__add__, self.sums[where], sums)
        seconds[where] = [a + b * span.step for a, b in zip(seconds[where], known, strict=True)]
        for index, column in span.buckets.items():
            lower = span.bounds[index - 1] if index else 0.0
            counts = self.counts.setdefault((lower, span.bounds[index]), [0] * self._steps)
            counts[where] = map(int.__add__, counts[where], layout.reduced(column, sum, 0))

    def rows(self) -> Iterator[tuple[int, ...]]:
        """Yield the counts of all buckets (see `edges`) step by step."""
        if not self.counts:
            return iter([()] * self._steps)
        return zip(*(self.counts[edge] for edge in self.edges()), strict=True)

    def edges(self) -> list[tuple[float, float]]:
        """Return what each bucket holds: above, and up to; rising."""
        return sorted(self.counts, key=lambda edge: edge[1])


def _histogram(question: Question, labels: Labels, members: Sequence[Series]) -> Line:
    buckets = _Buckets(question.steps)
    for one in members:
        buckets.add(question, one.spans)
    edges = buckets.edges()
    values = [
        _told(question, edges, row, total, seconds) if seconds else None
        for row, total, seconds in zip(buckets.rows(), buckets.sums, buckets.seconds, strict=True)
    ]
    return Line(labels, values, None, _newest(members))


def _told(
    question: Question,
    edges: Sequence[tuple[float, float]],
    counts: Sequence[int],
    total: float,
    seconds: int,
) -> float | None:
    if question.function == "quantile":
        return quantile(edges, counts, question.quantile)
    count = sum(counts)
    if question.function == "rate":
        return count / seconds
    return total / count if count else None


def quantile(
    edges: Sequence[tuple[float, float]], counts: Sequence[int], share: float
) -> float | None:
    """Return the value below which `share` of all lie, by linear interpolation in its bucket.

    As Prometheus' `histogram_quantile`: of what lies above the last finite bound only that bound
    is known. None where there are no values.
    """
    upto = list(accumulate(counts))
    if not upto or not upto[-1]:
        return None
    rank = share * upto[-1]
    index = bisect_left(upto, rank) if rank else bisect_right(upto, 0)
    lower, upper = edges[index]
    if upper == inf:
        return lower
    return lower + (upper - lower) * (rank - upto[index] + counts[index]) / counts[index]


def merged(*groups: Mapping[Labels, Series]) -> list[Series]:
    """Return every series once, with the spans of all groups; the newest word counts."""
    found: dict[Labels, Series] = {}
    for group in groups:
        for labels, one in group.items():
            before = found.get(labels)
            if before is None:
                found[labels] = one
                continue
            newest = max(filter(None, (before.newest, one.newest)), default=None)
            found[labels] = Series(labels, [*before.spans, *one.spans], newest)
    return list(found.values())
