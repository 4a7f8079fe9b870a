"""From spans of values to the lines of an answer: downsampled, and put together (pure)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import NamedTuple

from vllm_manager.monitoring.samples.columns import ScalarSpan, Span
from vllm_manager.monitoring.samples.figures import Labels
from vllm_manager.monitoring.samples.history import Line
from vllm_manager.monitoring.samples.layout import Values, cleared, layout_of
from vllm_manager.monitoring.samples.question import Question


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
    return [line for line in drawn if line.values.count(None) < len(line.values)]


def _newest(members: Sequence[Series]) -> float | None:
    return max((one.newest for one in members if one.newest is not None), default=None)


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
        layout = layout_of(question, span, len(span.means))
        if layout is None:
            return
        means, counts = cleared(span.means, layout, 0.0)
        highs, _ = cleared(span.highs, layout, -inf)
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


def _histogram(question: Question, labels: Labels, members: Sequence[Series]) -> Line:
    # It loads numpy, which is 16 MB: only for those who look at histograms.
    from vllm_manager.monitoring.samples.buckets import Buckets

    buckets = Buckets(question)
    for one in members:
        buckets.add(one.spans)
    return Line(labels, buckets.values(), None, _newest(members))


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
