"""Minutes: what two-second steps come to, and how a minute is written until its hour is over."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import Any, Final, NamedTuple

import orjson

from vllm_manager.monitoring.samples.blocks import bounds_of, coarser
from vllm_manager.monitoring.samples.columns import (
    Bounds,
    HistogramValue,
    Ring,
    ScalarSpan,
    ScalarValue,
    Span,
    Value,
)
from vllm_manager.monitoring.samples.figures import BY_NAME, Labels
from vllm_manager.monitoring.samples.question import MINUTE
from vllm_manager.monitoring.samples.turns import Pieces

SLOTS: Final = 180
"""Three hours: those of the hour that is not written yet, and more where the database is away."""
_LEVEL: Final = 1


def new_ring() -> Ring:
    return Ring(MINUTE, SLOTS, has_highs=True)


class Summed(NamedTuple):
    """What one series comes to in a minute."""

    figure: str
    labels: Labels
    value: Value
    newest: float
    """When the newest value of the series was measured."""


class Unpacked(NamedTuple):
    """A minute as it was written."""

    until: float
    """When the newest of it was measured: of the last minute of a process before its end."""
    values: Iterator[tuple[str, Labels, Value]]
    """By figure and labels."""


def summed(
    fine: Ring, minutes: Ring, minute: int, before_seconds: float = 0.0
) -> Pieces[list[Summed]]:
    """Return what every series comes to in one minute of the fine ring, if that is known.

    `before_seconds`: of so much of it the ring of minutes knows already, from an earlier process.
    """
    per_minute = MINUTE // fine.step
    first = minute * per_minute
    found: list[Summed] = []
    for figure in fine.figures():
        for labels, column in fine.of(figure).items():
            yield
            span = fine.span(column, first, first + per_minute)
            value = None if span is None else _whole(span)
            if span is None or value is None:
                continue
            known = minutes.of(figure).get(labels) if before_seconds else None
            if known is not None and isinstance(value, ScalarValue):
                before = minutes.value(known, minute)
                value = _joined(before, value, before_seconds, fine.step * _known(span))
            _make(minutes, figure, labels, value)
            found.append(Summed(figure, labels, value, column.newest))
    return found


def _make(minutes: Ring, figure: str, labels: Labels, value: Value) -> None:
    """Make a series' column before it is needed: to make thousands at once takes long."""
    if isinstance(value, ScalarValue):
        minutes.scalar(figure, labels)
    else:
        minutes.histogram(figure, labels, value.bounds)


def close(minutes: Ring, minute: int, found: Iterable[Summed], *, adds: bool) -> None:
    """Write what a minute comes to, at once: nobody sees half of it.

    `adds`: a part of it is there already, from an earlier process.
    """
    minutes.advance(minute)
    for one in found:
        _put(minutes, minute, one, adds=adds)


def fill(ring: Ring, minute: int, unpacked: Unpacked) -> Pieces[None]:
    """Write a minute's values where the ring knows none."""
    for figure, labels, value in unpacked.values:
        yield
        column = ring.of(figure).get(labels)
        if column is None or ring.value(column, minute) is None:
            _put(ring, minute, Summed(figure, labels, value, unpacked.until), adds=False)


def _put(minutes: Ring, minute: int, one: Summed, *, adds: bool) -> None:
    """Write one minute's value of one series. `adds` counts to what is there."""
    place, value = minute % SLOTS, one.value
    if isinstance(value, ScalarValue):
        scalar = minutes.scalar(one.figure, one.labels)
        scalar.means[place], scalar.highs[place] = value
        scalar.newest = max(scalar.newest, one.newest)
    else:
        histogram = minutes.histogram(one.figure, one.labels, value.bounds)
        if not adds:
            histogram.clear(place)
        histogram.put(place, value.total, value.counts)
        histogram.newest = max(histogram.newest, one.newest)


def is_known(span: Span) -> bool:
    """Whether anything is."""
    values = span.means if isinstance(span, ScalarSpan) else span.sums
    return any(value == value for value in values)


def _known(span: Span) -> int:
    values = span.means if isinstance(span, ScalarSpan) else span.sums
    return sum(value == value for value in values)


def _joined(
    before: Value | None, after: ScalarValue, before_seconds: float, after_seconds: float
) -> ScalarValue:
    """Return one value of two parts of a minute."""
    if not isinstance(before, ScalarValue):
        return after
    seconds = before_seconds + after_seconds
    sum_ = before.mean * before_seconds + after.mean * after_seconds
    return ScalarValue(sum_ / seconds, max(before.high, after.high))


def _whole(span: Span) -> Value | None:
    """Return what a span comes to; None where nothing of it is known."""
    one = coarser(span, _length(span))
    if not is_known(one):
        return None
    if isinstance(one, ScalarSpan):
        return ScalarValue(one.means[0], one.highs[0])
    counts = {bucket: n[0] for bucket, n in one.buckets.items() if n[0]}
    return HistogramValue(one.sums[0], one.bounds, counts)


def _length(span: Span) -> int:
    return len(span.means) if isinstance(span, ScalarSpan) else len(span.sums)


def pack(minutes: Ring, minute: int) -> Pieces[bytes]:
    """Return one minute of every series as bytes."""
    bounds: dict[Bounds, int] = {}
    found: dict[str, orjson.Fragment] = {}
    until, end = 0.0, float((minute + 1) * MINUTE)
    for figure in minutes.figures():
        rows: list[Any] = []
        for labels, column in list(minutes.of(figure).items()):
            yield
            until = max(until, min(column.newest, end))
            value = minutes.value(column, minute)
            if isinstance(value, ScalarValue):
                rows.append([labels, *value])
            elif value is not None:
                known = bounds.setdefault(value.bounds, len(bounds))
                rows.append([labels, value.total, known, list(value.counts.items())])
        if rows:
            found[figure] = orjson.Fragment(orjson.dumps(rows))
    finite = [[None if bound == inf else bound for bound in one] for one in bounds]
    yield
    data = orjson.dumps({"bounds": finite, "figures": found, "until": until})
    return zlib.compress(data, _LEVEL)


def unpack(data: bytes, minute: int) -> Unpacked:
    """Return every value of a packed minute, of figures that are still known."""
    read: dict[str, Any] = orjson.loads(zlib.decompress(data))
    return Unpacked(read.get("until", float((minute + 1) * MINUTE)), _values(read))


def _values(read: Mapping[str, Any]) -> Iterator[tuple[str, Labels, Value]]:
    bounds = bounds_of(read["bounds"])
    for figure, rows in read["figures"].items():
        for words, *rest in rows if figure in BY_NAME else ():
            labels: Labels = tuple((name, value) for name, value in words)
            if len(rest) == 3:
                yield figure, labels, HistogramValue(rest[0], bounds[rest[1]], dict(rest[2]))
            else:
                yield figure, labels, ScalarValue(*rest)
