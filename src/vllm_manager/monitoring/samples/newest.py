"""What each series is now, from fresh readings and the last steps."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from vllm_manager.monitoring.samples.columns import HistogramSpan, Ring, ScalarSpan
from vllm_manager.monitoring.samples.figures import BY_NAME, Figure, Labels
from vllm_manager.monitoring.samples.quantile import quantile
from vllm_manager.monitoring.samples.question import FUNCTIONS, MINUTE, unit_of
from vllm_manager.monitoring.samples.reading import Distribution, Reading
from vllm_manager.monitoring.samples.schemas import LatestValue

_RATE_SECONDS = 10
_QUANTILE = 0.95


def latest(
    readings: Mapping[str, Reading],
    ring: Ring,
    wants: Callable[[Figure, Labels], bool],
    now: datetime,
) -> Iterator[LatestValue]:
    """Yield what is known now of every wanted series, in the readings' order."""
    for reading in readings.values():
        age_seconds = max(0.0, round((now - reading.at).total_seconds(), 3))
        for sample in reading.samples:
            figure = BY_NAME.get(sample.figure)
            if figure is None or not wants(figure, sample.labels):
                continue
            value = sample.value
            if isinstance(value, Distribution) or figure.kind == "counter":
                value = _lately(ring, figure, sample.labels)
            if value is None:
                continue
            function = FUNCTIONS[figure.kind][0]
            yield LatestValue(
                figure=figure.name,
                function=function,
                unit=unit_of(figure, function),
                labels=dict(sample.labels),
                value=value,
                at=reading.at,
                age_seconds=age_seconds,
            )


def _lately(ring: Ring, figure: Figure, labels: Labels) -> float | None:
    """Return a counter's rate over the last seconds, or a quantile over the last minute."""
    column, newest = ring.of(figure.name).get(labels), ring.newest
    if column is None or newest is None:
        return None
    seconds = _RATE_SECONDS if figure.kind == "counter" else MINUTE
    span = ring.span(column, newest + 1 - seconds // ring.step, newest + 1)
    if isinstance(span, ScalarSpan):
        known = [value for value in span.means if value == value]
        return sum(known) / len(known) if known else None
    return _quantile(span) if span is not None else None


def _quantile(span: HistogramSpan) -> float | None:
    used = sorted(span.buckets)
    edges = [(span.bounds[index - 1] if index else 0.0, span.bounds[index]) for index in used]
    return quantile(edges, [sum(span.buckets[index]) for index in used], _QUANTILE)
