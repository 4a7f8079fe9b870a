"""From spans of values to the lines of an answer: downsampled, and put together (pure)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import NamedTuple

from vllm_manager.monitoring.samples.columns import HistogramSpan, ScalarSpan, Span
from vllm_manager.monitoring.samples.figures import Labels
from vllm_manager.monitoring.samples.history import Line
from vllm_manager.monitoring.samples.question import Question

Values = list[float | None]


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


def _pieces(question: Question, span: Span, length: int) -> Iterator[tuple[int, slice]]:
    """Yield which of the span's values fall into which step of the question."""
    per_step = max(1, question.step // span.step)
    index = max(0, -(-(question.start - span.start) // span.step))
    while index < length:
        after = span.start + index * span.step - question.start
        place = after // question.step
        if place >= question.steps:
            return
        until = index + per_step - (after % question.step) // span.step
        yield place, slice(index, until)
        index = until


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


def _binned(question: Question, one: Series) -> tuple[Values, Values]:
    """Return the mean and the highest value of each step."""
    steps = question.steps
    sums, weights, highs = [0.0] * steps, [0] * steps, [-inf] * steps
    for span in one.spans:
        if not isinstance(span, ScalarSpan):
            continue
        for place, piece in _pieces(question, span, len(span.means)):
            known = [value for value in span.means[piece] if value == value]
            if not known:
                continue
            sums[place] += sum(known) * span.step
            weights[place] += len(known) * span.step
            tops = known
            if span.highs is not span.means:
                tops = [value for value in span.highs[piece] if value == value]
            highs[place] = max(highs[place], *tops)
    means: Values = [s / w if w else None for s, w in zip(sums, weights, strict=True)]
    return means, [high if high > -inf else None for high in highs]


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
        known: list[tuple[int, slice]] = []
        for place, piece in _pieces(question, span, len(span.sums)):
            values = [value for value in span.sums[piece] if value == value]
            if values:
                self.sums[place] += sum(values)
                seconds[place] += len(values) * span.step
                known.append((place, piece))
        for index, column in span.buckets.items():
            lower = span.bounds[index - 1] if index else 0.0
            counts = self.counts.setdefault((lower, span.bounds[index]), [0] * self._steps)
            for place, piece in known:
                counts[place] += sum(column[piece])

    def at(self, place: int) -> list[tuple[float, float, int]]:
        """Return (above, up to, how many) of the buckets that have any, rising."""
        found = [(*key, counts[place]) for key, counts in self.counts.items() if counts[place]]
        return sorted(found, key=lambda bucket: bucket[1])


def _histogram(question: Question, labels: Labels, members: Sequence[Series]) -> Line:
    buckets = _Buckets(question.steps)
    for one in members:
        buckets.add(question, one.spans)
    values = [_told(question, buckets, place) for place in range(question.steps)]
    return Line(labels, values, None, _newest(members))


def _told(question: Question, buckets: _Buckets, place: int) -> float | None:
    seconds = buckets.seconds[place]
    if not seconds:
        return None
    found = buckets.at(place)
    count = sum(bucket[2] for bucket in found)
    if question.function == "rate":
        return count / seconds
    if not count:
        return None
    if question.function == "mean":
        return buckets.sums[place] / count
    return quantile(found, question.quantile)


def quantile(buckets: Sequence[tuple[float, float, int]], share: float) -> float | None:
    """Return the value below which `share` of all lie, by linear interpolation in its bucket.

    As Prometheus' `histogram_quantile`: of what lies above the last finite bound only that bound
    is known.
    """
    rank = share * sum(count for _, _, count in buckets)
    seen = 0
    for lower, upper, count in buckets:
        if seen + count >= rank:
            if upper == inf:
                return lower
            return lower + (upper - lower) * max(0.0, rank - seen) / count
        seen += count
    return None


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
