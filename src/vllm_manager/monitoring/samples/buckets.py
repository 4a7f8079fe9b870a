"""Histograms on a question's steps: added up bucket by bucket, and what is told of them (pure)."""

from collections.abc import Sequence
from math import inf
from operator import add, itemgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vllm_manager.monitoring.samples.columns import HistogramSpan, Span
from vllm_manager.monitoring.samples.layout import Layout, Values, cleared, layout_of
from vllm_manager.monitoring.samples.quantile import Edge
from vllm_manager.monitoring.samples.question import Question

Counts = npt.NDArray[np.int64]
"""How many values: a row for each bucket, a column for each step."""


class _Laid(NamedTuple):
    """A span, and where it lies."""

    span: HistogramSpan
    layout: Layout


class Buckets:
    """The spans of all members of a line, and what the question's function needs more."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._steps = question.steps
        self._laid: list[_Laid] = []
        self._sums = [0.0] * self._steps
        self._seconds = [0] * self._steps
        """For how long the member that is known longest is known."""

    def add(self, spans: Sequence[Span]) -> None:
        """Add one member."""
        found = [span for span in spans if isinstance(span, HistogramSpan)]
        laid = [(span, layout_of(self._question, span, len(span.sums))) for span in found]
        inside = [_Laid(span, layout) for span, layout in laid if layout is not None]
        self._laid += inside
        if self._question.function == "mean":
            self._add_sums(inside)
        elif self._question.function == "rate":
            self._add_seconds(inside)

    def _add_sums(self, inside: Sequence[_Laid]) -> None:
        for span, layout in inside:
            values, _ = cleared(span.sums, layout, 0.0)
            sums = layout.reduced(values, sum, 0.0)
            where = slice(layout.place, layout.place + len(sums))
            self._sums[where] = map(add, self._sums[where], sums)

    def _add_seconds(self, inside: Sequence[_Laid]) -> None:
        seconds = [0] * self._steps
        for span, layout in inside:
            _, known = cleared(span.sums, layout, 0.0)
            where = slice(layout.place, layout.place + len(known))
            seconds[where] = [a + b * span.step for a, b in zip(seconds[where], known, strict=True)]
        self._seconds = list(map(max, self._seconds, seconds))

    def values(self) -> Values:
        """Return what the question asks of each step."""
        edges, counts = self._counted()
        if self._question.function == "quantile":
            return quantiles(edges, counts, self._question.quantile)
        totals: list[int] = counts.sum(axis=0).tolist()
        if self._question.function == "rate":
            known = zip(totals, self._seconds, strict=True)
            return [total / seconds if seconds else None for total, seconds in known]
        means = zip(self._sums, totals, strict=True)
        return [sum_ / total if total else None for sum_, total in means]

    def _counted(self) -> tuple[Sequence[Edge], Counts]:
        """Return the buckets, rising, and the counts of all members."""
        used = [_edges(span) for span, _ in self._laid]
        edges = sorted({edge for some in used for edge in some}, key=itemgetter(1, 0))
        rows = {edge: row for row, edge in enumerate(edges)}
        counts = np.zeros((len(edges), self._steps), np.int64)
        for (span, layout), some in zip(self._laid, used, strict=True):
            if some:
                added = _by_step(span, layout)
                where = slice(layout.place, layout.place + added.shape[1])
                counts[[rows[edge] for edge in some], where] += added
        return edges, counts


def _edges(span: HistogramSpan) -> Sequence[Edge]:
    bounds = span.bounds
    return [(bounds[index - 1] if index else 0.0, bounds[index]) for index in span.buckets]


def _by_step(span: HistogramSpan, layout: Layout) -> Counts:
    """Return the counts of each of a span's buckets in the question's steps."""
    counts = np.array(list(span.buckets.values()), np.int64)[:, layout.first : layout.until]
    return counts if layout.per_step == 1 else np.add.reduceat(counts, layout.starts, axis=1)


def quantiles(edges: Sequence[Edge], counts: Counts, share: float) -> Values:
    """Return the value below which `share` of all lie, step by step; None where there are none.

    `edges` rise; `counts` has a row for each bucket, and a column for each step. Within its bucket
    the value is interpolated linearly, as Prometheus' `histogram_quantile` does; of what lies above
    the last finite bound only that bound is known.
    """
    if not edges:
        return [None] * counts.shape[1]
    upto = counts.cumsum(axis=0)
    totals = upto[-1]
    ranks = share * totals
    row = np.argmax(upto >= ranks if share else upto > 0, axis=0)  # the first bucket that does
    here = row, np.arange(len(totals))
    count = counts[here]
    lowers = np.array([lower for lower, _ in edges])
    widths = np.array([0.0 if upper == inf else upper - lower for lower, upper in edges])
    found = lowers[row] + widths[row] * (ranks - upto[here] + count) / np.maximum(count, 1)
    told: list[float | None] = found.tolist()
    for step in np.flatnonzero(totals == 0).tolist():
        told[step] = None
    return told
