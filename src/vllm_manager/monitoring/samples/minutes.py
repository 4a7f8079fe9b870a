"""Minutes: what two-second steps come to, and how a minute is written until its hour is over."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import Any, Final, NamedTuple

import orjson

from vllm_manager.monitoring.samples.blocks import bounds_of, coarser
from vllm_manager.monitoring.samples.columns import HistogramSpan, Ring, ScalarSpan, Span
from vllm_manager.monitoring.samples.figures import BY_NAME, Labels
from vllm_manager.monitoring.samples.question import MINUTE
from vllm_manager.monitoring.samples.turns import Pieces

SLOTS: Final = 180
"""Three hours: those of the hour that is not written yet, and more where the database is away."""
_LEVEL: Final = 1
Value = tuple[str, Labels, Span]


def new_ring() -> Ring:
    return Ring(MINUTE, SLOTS, has_highs=True)


class Summed(NamedTuple):
    """What one series comes to in a minute."""

    figure: str
    labels: Labels
    span: Span
    newest: float
    """When the newest value of the series was measured."""


class Unpacked(NamedTuple):
    """A minute as it was written."""

    until: float
    """When the newest of it was measured: of the last minute of a process before its end."""
    values: Sequence[Value]


def summed(
    fine: Ring, minutes: Ring, minute: int, before_seconds: float = 0.0
) -> Pieces[list[Summed]]:
    """Return what every series comes to in one minute of the fine ring.

    `before_seconds`: of so much of it the ring of minutes knows already, from an earlier process.
    """
    per_minute = MINUTE // fine.step
    first = minute * per_minute
    found: list[Summed] = []
    for figure in fine.figures():
        for labels, column in fine.of(figure).items():
            yield
            span = fine.span(column, first, first + per_minute)
            if span is None:
                return found
            whole = _whole(span)
            if before_seconds and isinstance(whole, ScalarSpan):
                known = minutes.of(figure).get(labels)
                before = None if known is None else minutes.span(known, minute, minute + 1)
                whole = _joined(before, whole, before_seconds, fine.step * _known(span))
            found.append(Summed(figure, labels, whole, column.newest))
    return found


def close(minutes: Ring, minute: int, found: Iterable[Summed], *, adds: bool) -> None:
    """Write what a minute comes to, at once: nobody sees half of it.

    `adds`: a part of it is there already, from an earlier process.
    """
    minutes.advance(minute)
    for figure, labels, span, newest in found:
        put(minutes, figure, labels, minute, span, newest, adds=adds)


def put(
    minutes: Ring,
    figure: str,
    labels: Labels,
    minute: int,
    span: Span,
    newest: float,
    *,
    adds: bool = False,
) -> None:
    """Write one minute's value of one series, if it is known. `adds` counts to what is there."""
    place = minute % SLOTS
    if isinstance(span, ScalarSpan):
        if span.means[0] == span.means[0]:
            scalar = minutes.scalar(figure, labels)
            scalar.means[place], scalar.highs[place] = span.means[0], span.highs[0]
            scalar.newest = max(scalar.newest, newest)
    elif span.sums[0] == span.sums[0]:
        histogram = minutes.histogram(figure, labels, span.bounds)
        if not adds:
            histogram.clear(place)
        counts = {bucket: values[0] for bucket, values in span.buckets.items() if values[0]}
        histogram.put(place, span.sums[0], counts)
        histogram.newest = max(histogram.newest, newest)


def fill(ring: Ring, minute: int, unpacked: Unpacked) -> Pieces[None]:
    """Write a minute's values where the ring knows none."""
    for figure, labels, span in unpacked.values:
        yield
        column = ring.of(figure).get(labels)
        if column is None or not column.knows(minute % SLOTS):
            put(ring, figure, labels, minute, span, unpacked.until)


def is_known(span: Span) -> bool:
    """Whether anything is."""
    values = span.means if isinstance(span, ScalarSpan) else span.sums
    return any(value == value for value in values)


def _known(span: Span) -> int:
    values = span.means if isinstance(span, ScalarSpan) else span.sums
    return sum(value == value for value in values)


def _joined(
    before: Span | None, after: ScalarSpan, before_seconds: float, after_seconds: float
) -> ScalarSpan:
    """Return one value of two parts of a minute."""
    if not isinstance(before, ScalarSpan) or not is_known(before) or not is_known(after):
        return after
    seconds = before_seconds + after_seconds
    sum_ = before.means[0] * before_seconds + after.means[0] * after_seconds
    high = max(before.highs[0], after.highs[0])
    return ScalarSpan(after.start, after.step, [sum_ / seconds], [high])


def _whole(span: Span) -> Span:
    length = len(span.means) if isinstance(span, ScalarSpan) else len(span.sums)
    return coarser(span, length)


def pack(minutes: Ring, minute: int) -> Pieces[bytes]:
    """Return one minute of every series as bytes."""
    bounds: dict[tuple[float, ...], int] = {}
    found: dict[str, list[Any]] = {}
    until, end = 0.0, float((minute + 1) * MINUTE)
    for figure in minutes.figures():
        rows: list[Any] = []
        for labels, column in list(minutes.of(figure).items()):
            yield
            span = minutes.span(column, minute, minute + 1)
            until = max(until, min(column.newest, end))
            if isinstance(span, ScalarSpan) and span.means[0] == span.means[0]:
                rows.append([labels, span.means[0], span.highs[0]])
            elif isinstance(span, HistogramSpan) and span.sums[0] == span.sums[0]:
                counts = [(bucket, n[0]) for bucket, n in span.buckets.items() if n[0]]
                known = bounds.setdefault(span.bounds, len(bounds))
                rows.append([labels, span.sums[0], known, counts])
        if rows:
            found[figure] = rows
    finite = [[None if bound == inf else bound for bound in one] for one in bounds]
    yield
    data = orjson.dumps({"bounds": finite, "figures": found, "until": until})
    yield
    return zlib.compress(data, _LEVEL)


def unpack(data: bytes, minute: int) -> Unpacked:
    """Return every value of a packed minute, of figures that are still known."""
    read: dict[str, Any] = orjson.loads(zlib.decompress(data))
    until = read.get("until", float((minute + 1) * MINUTE))
    return Unpacked(until, list(_values(read, minute)))


def _values(read: Mapping[str, Any], minute: int) -> Iterator[Value]:
    bounds = bounds_of(read["bounds"])
    start = minute * MINUTE
    for figure, rows in read["figures"].items():
        if figure not in BY_NAME:
            continue
        for words, *rest in rows:
            labels: Labels = tuple((name, value) for name, value in words)
            if len(rest) == 3:
                buckets = {bucket: [count] for bucket, count in rest[2]}
                span: Span = HistogramSpan(start, MINUTE, [rest[0]], bounds[rest[1]], buckets)
            else:
                mean, high = rest
                span = ScalarSpan(start, MINUTE, [mean], [high])
            yield figure, labels, span
