"""Histograms on a question's steps: added up bucket by bucket, and what is told of them (pure)."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import inf
from operator import add

from vllm_manager.monitoring.samples.columns import HistogramSpan, Span
from vllm_manager.monitoring.samples.layout import Layout, Values, cleared, layout_of
from vllm_manager.monitoring.samples.question import Question

Edge = tuple[float, float]
"""What a bucket holds: values above, and up to."""


class Buckets:
    """Counts by step of each bucket of all members, and what the question's function needs more."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._steps = question.steps
        self._counts: dict[Edge, list[int]] = {}
        self._sums = [0.0] * self._steps
        self._seconds = [0] * self._steps
        """For how long the member that is known longest is known."""

    def add(self, spans: Sequence[Span]) -> None:
        """Add one member."""
        found = [span for span in spans if isinstance(span, HistogramSpan)]
        laid = [(span, layout_of(self._question, span, len(span.sums))) for span in found]
        inside = [(span, layout) for span, layout in laid if layout is not None]
        for span, layout in inside:
            self._add_counts(span, layout)
        if self._question.function == "mean":
            self._add_sums(inside)
        elif self._question.function == "rate":
            self._add_seconds(inside)

    def _add_counts(self, span: HistogramSpan, layout: Layout) -> None:
        for index, column in span.buckets.items():
            edge = (span.bounds[index - 1] if index else 0.0, span.bounds[index])
            self._put(edge, layout.place, layout.reduced(column, sum, 0))

    def _put(self, edge: Edge, place: int, counts: Sequence[int]) -> None:
        column = self._counts.get(edge)
        until = place + len(counts)
        if column is None:
            self._counts[edge] = [*[0] * place, *counts, *[0] * (self._steps - until)]
            return
        before = column[place:until]  # nearly always nothing: spans hardly overlap
        column[place:until] = map(add, before, counts) if any(before) else counts

    def _add_sums(self, inside: Sequence[tuple[HistogramSpan, Layout]]) -> None:
        for span, layout in inside:
            values, _ = cleared(span.sums, layout, 0.0)
            sums = layout.reduced(values, sum, 0.0)
            where = slice(layout.place, layout.place + len(sums))
            self._sums[where] = map(add, self._sums[where], sums)

    def _add_seconds(self, inside: Sequence[tuple[HistogramSpan, Layout]]) -> None:
        seconds = [0] * self._steps
        for span, layout in inside:
            _, known = cleared(span.sums, layout, 0.0)
            where = slice(layout.place, layout.place + len(known))
            seconds[where] = [a + b * span.step for a, b in zip(seconds[where], known, strict=True)]
        self._seconds = list(map(max, self._seconds, seconds))

    def values(self) -> Values:
        """Return what the question asks of each step."""
        edges = sorted(self._counts, key=lambda edge: (edge[1], edge[0]))
        columns = [self._counts[edge] for edge in edges]
        if not columns:
            columns = [[0] * self._steps]
            edges = [(0.0, inf)]
        if self._question.function == "quantile":
            return quantiles(edges, columns, self._question.quantile)
        counts = list(map(sum, zip(*columns, strict=True)))
        if self._question.function == "rate":
            known = zip(counts, self._seconds, strict=True)
            return [count / seconds if seconds else None for count, seconds in known]
        means = zip(self._sums, counts, strict=True)
        return [total / count if count else None for total, count in means]


def quantiles(edges: Sequence[Edge], columns: Sequence[Sequence[int]], share: float) -> Values:
    """Return the value below which `share` of all lie, step by step; None where there are none.

    `edges` rise; a column has the counts of one bucket by step. Within its bucket the value is
    interpolated linearly, as Prometheus' `histogram_quantile` does; of what lies above the last
    finite bound only that bound is known.
    """
    find = bisect_left if share else bisect_right
    lowers = [lower for lower, _ in edges]
    widths = [0.0 if upper == inf else upper - lower for lower, upper in edges]
    found: Values = []
    # This loop is most of what a chart of many models costs: no call in it that can be spared.
    for upto in zip(*accumulate(columns, _sum_of), strict=True):
        total = upto[-1]
        if not total:
            found.append(None)
            continue
        rank = share * total
        index = find(upto, rank)
        count = upto[index] - upto[index - 1] if index else upto[0]
        found.append(lowers[index] + widths[index] * (rank - upto[index] + count) / count)
    return found


def _sum_of(one: Sequence[int], other: Sequence[int]) -> list[int]:
    return list(map(add, one, other))
