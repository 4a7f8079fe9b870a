"""Many values in few bytes: all series of one figure over a stretch of time, as the database keeps.

Values are kept as logarithms on a grid of 0.4 %, so they are right to 0.2 % (a value that never
changes is exact), counts in a histogram's buckets up to 32 exactly and above to 4 %. What changes
little from step to step is small numbers as differences, and deflate makes little of those.
"""

import zlib
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import inf, log, nan
from operator import add, itemgetter
from typing import Any, Final, Literal, overload

import orjson

from vllm_manager.monitoring.samples.columns import (
    Bounds,
    HistogramSpan,
    Number,
    ScalarSpan,
    Span,
)
from vllm_manager.monitoring.samples.figures import Labels

_UNKNOWN: Final = 0
_ZERO: Final = 1
_FIRST: Final = 2
_GRID: Final = 0.004
_LEAST: Final = 1e-9
_CODES: Final = 16_384
_LOG_LEAST: Final = log(_LEAST)
_VALUES: Final = (nan, 0.0, *(_LEAST * 2.718281828459045 ** (_GRID * n) for n in range(_CODES)))

_EXACT_COUNTS: Final = 32
_COUNT_GRID: Final = 1.08
_COUNTS: Final = (
    *range(_EXACT_COUNTS),
    *(round(_EXACT_COUNTS * _COUNT_GRID**n) for n in range(256 - _EXACT_COUNTS)),
)
_COUNT_BYTES: Final = tuple(
    bytes((count >> shift) & 0xFF for count in _COUNTS) for shift in (0, 8, 16, 24)
)
"""The lowest byte of each code's count, the next, and so on."""
_IN_TWO_BYTES: Final = bytes(code for code, count in enumerate(_COUNTS) if count < 1 << 16)
_LEVEL: Final = 6
_ALL: Final = slice(None)


@dataclass(slots=True)
class ScalarCodes:
    """One series of a gauge or of rates."""

    means: "array[int]"
    above: "array[int]"
    """How far the highest value lies above the mean, in codes."""
    exact: float | None = None
    """What each known value is, where all are the same."""

    def put(self, offset: int, span: ScalarSpan) -> None:
        """Write a span's values from step `offset` on; what it doesn't know stays."""
        known = {v for values in (span.means, span.highs) for v in values if v == v}
        if not any(self.means):
            self.exact = next(iter(known)) if len(known) == 1 else None
        elif known - {self.exact}:
            self.exact = None
        for index, (mean, high) in enumerate(zip(span.means, span.highs, strict=True), offset):
            if mean == mean:
                self.means[index] = code = code_of(mean)
                self.above[index] = max(0, code_of(high) - code)

    def span(self, start: int, step: int, wanted: slice = _ALL) -> ScalarSpan:
        """Return the wanted steps of a block that begins at `start`."""
        begin = start + (wanted.start or 0) * step
        codes, above = self.means[wanted], self.above[wanted]
        if self.exact is not None:
            same = [self.exact if code else nan for code in codes]
            return ScalarSpan(begin, step, same, same)
        means = _looked_up(_VALUES, codes)
        if not any(above):
            return ScalarSpan(begin, step, means, means)
        tops = list(map(add, codes, above))
        return ScalarSpan(begin, step, means, _looked_up(_VALUES, tops))


class SumCodes:
    """A histogram's sums; those of a packed block are unpacked when one is first looked at."""

    __slots__ = ("_codes", "_packed", "_slots")

    def __init__(self, slots: int, packed: bytes | None = None) -> None:
        self._slots = slots
        self._packed = packed
        self._codes: array[int] | None = None

    @property
    def codes(self) -> "array[int]":
        if self._codes is None:
            packed = self._packed
            none = array("H", bytes(2 * self._slots))
            self._codes = none if packed is None else _unpacked_sums(packed)
        return self._codes

    def __len__(self) -> int:
        return self._slots


class _LateSums(Sequence[float]):
    """The wanted ones of a block's sums. Quantiles, which ask how many there are, need no more."""

    __slots__ = ("_sums", "_values", "_wanted")

    def __init__(self, sums: SumCodes, wanted: slice) -> None:
        self._sums = sums
        self._wanted = wanted
        self._values: Sequence[float] | None = None

    def __len__(self) -> int:
        return len(range(*self._wanted.indices(len(self._sums))))

    @overload
    def __getitem__(self, index: int) -> float: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...

    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        return self._all()[index]

    def __iter__(self) -> Iterator[float]:
        return iter(self._all())

    def _all(self) -> Sequence[float]:
        if self._values is None:
            self._values = _looked_up(_VALUES, self._sums.codes[self._wanted])
        return self._values


@dataclass(slots=True)
class HistogramCodes:
    """One series of a histogram."""

    sums: SumCodes
    bounds: Bounds
    buckets: dict[int, bytearray] = field(default_factory=dict[int, bytearray])

    def put(self, offset: int, span: HistogramSpan) -> None:
        """Write a span's values from step `offset` on; with other bounds what was is given up."""
        if span.bounds != self.bounds:
            self.sums, self.bounds = SumCodes(len(self.sums)), span.bounds
            self.buckets = {}
        for index, total in enumerate(span.sums):
            if total == total:
                self.sums.codes[offset + index] = code_of(total)
        for bucket, counts in span.buckets.items():
            for index, count in enumerate(counts):
                if count and span.sums[index] == span.sums[index]:
                    column = self.buckets.setdefault(bucket, bytearray(len(self.sums)))
                    column[offset + index] = _count_code(count)

    def span(self, start: int, step: int, wanted: slice = _ALL) -> HistogramSpan:
        """Return the wanted steps of a block that begins at `start`."""
        sums = _LateSums(self.sums, wanted)
        counts = _counts(b"".join(codes[wanted] for codes in self.buckets.values()))
        length = len(sums)
        buckets = {
            bucket: counts[n * length : (n + 1) * length] for n, bucket in enumerate(self.buckets)
        }
        begin = start + (wanted.start or 0) * step
        return HistogramSpan(begin, step, sums, self.bounds, buckets)


Codes = ScalarCodes | HistogramCodes


class Block:
    """Every series of one figure over `slots` steps."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.series: dict[Labels, Codes] = {}

    def put(self, labels: Labels, offset: int, span: Span) -> None:
        """Write a span into a series from step `offset` on."""
        found = self.series.get(labels)
        none = bytes(2 * self.slots)
        if isinstance(span, ScalarSpan):
            if not isinstance(found, ScalarCodes):
                found = ScalarCodes(array("H", none), array("H", none))
                self.series[labels] = found
            found.put(offset, span)
        else:
            if not isinstance(found, HistogramCodes):
                found = self.series[labels] = HistogramCodes(SumCodes(self.slots), span.bounds)
            found.put(offset, span)

    def pack(self) -> bytes:
        """Return the block as bytes."""
        bounds = list(dict.fromkeys(c.bounds for c in self._histograms()))
        heads: list[Any] = []
        parts: list[bytes] = []
        for labels, codes in self.series.items():
            if isinstance(codes, ScalarCodes):
                heads.append([labels, codes.exact])
                means = array("H", map(bool, codes.means)) if codes.exact is not None else None
                parts += [_planes(means or _differences(codes.means)), _planes(codes.above)]
            else:
                used = sorted(codes.buckets)
                heads.append([labels, bounds.index(codes.bounds), used])
                parts.append(_planes(_differences(codes.sums.codes)))
                parts += [bytes(codes.buckets[bucket]) for bucket in used]
        finite = [[None if bound == inf else bound for bound in one] for one in bounds]
        head = orjson.dumps({"bounds": finite, "series": heads})
        return zlib.compress(b"".join([len(head).to_bytes(4, "big"), head, *parts]), _LEVEL)

    def _histograms(self) -> list[HistogramCodes]:
        return [codes for codes in self.series.values() if isinstance(codes, HistogramCodes)]

    @classmethod
    def unpack(
        cls, data: bytes, slots: int, wants: Callable[[Labels], bool] = lambda _: True
    ) -> "Block":
        """Return the series of a packed block that are wanted."""
        raw = zlib.decompress(data)
        begin = 4 + int.from_bytes(raw[:4], "big")
        head: dict[str, Any] = orjson.loads(raw[4:begin])
        bounds = bounds_of(head["bounds"])
        block, two = cls(slots), 2 * slots
        for words, *rest in head["series"]:
            labels: Labels = tuple((name, value) for name, value in words)
            used: Sequence[int] = rest[1] if len(rest) > 1 else ()
            size = two + len(used) * slots if len(rest) > 1 else 2 * two
            if wants(labels):
                part = raw[begin : begin + size]
                if len(rest) > 1:
                    known = bounds[int(rest[0])]
                    block.series[labels] = _histogram(part, known, used, slots)
                else:
                    block.series[labels] = _scalar(part, rest[0], two)
            begin += size
        return block


def bounds_of(finite: Iterable[Iterable[float | None]]) -> list[Bounds]:
    """Return bounds as they are from how JSON has them, which knows no infinity."""
    return [tuple([inf if bound is None else bound for bound in one]) for one in finite]


def code_of(value: float) -> int:
    """Return the place of a value on the grid; negative values, which no figure has, count as 0."""
    if value != value:
        return _UNKNOWN
    if value < _LEAST:
        return _ZERO
    return min(_FIRST + round((log(value) - _LOG_LEAST) / _GRID), _CODES + 1)


def _count_code(count: int) -> int:
    if count < _EXACT_COUNTS:
        return count
    upper = min(bisect_left(_COUNTS, count), 255)
    lower = upper - 1
    return lower if count - _COUNTS[lower] < _COUNTS[upper] - count else upper


def _counts(codes: bytes) -> "array[int]":
    """Return the counts of codes: byte by byte of all at once, not count by count."""
    counts = bytearray(8 * len(codes))
    used = len(_COUNT_BYTES) if codes.translate(None, _IN_TWO_BYTES) else 2
    for place, table in enumerate(_COUNT_BYTES[:used]):
        counts[place::8] = codes.translate(table)
    return array("q", counts)


def _looked_up(table: Sequence[Number], codes: Sequence[int]) -> Sequence[Number]:
    """Return what the codes stand for: one call for all, since one each takes three times as long.

    With a single code `itemgetter` would return no tuple, so there are two more.
    """
    return itemgetter(*codes, 0, 0)(table)[:-2]


def _differences(codes: "array[int]") -> "array[int]":
    return array("h", map(int.__sub__, codes, [0, *codes[:-1]]))


def _planes(values: "array[int]") -> bytes:
    """Return the lower bytes of all values, then the upper ones, which are mostly 0."""
    raw = values.tobytes()
    return raw[0::2] + raw[1::2]


def _unplanes(raw: bytes, kind: Literal["H", "h"]) -> "array[int]":
    half = len(raw) // 2
    joined = bytearray(len(raw))
    joined[0::2], joined[1::2] = raw[:half], raw[half:]
    return array(kind, bytes(joined))


def _unpacked_sums(packed: bytes) -> "array[int]":
    return array("H", list(accumulate(_unplanes(packed, "h"))))


def _scalar(part: bytes, exact: float | None, two: int) -> ScalarCodes:
    if exact is None:
        means = _unpacked_sums(part[:two])
    else:
        code = code_of(exact)
        known = _unplanes(part[:two], "H")
        means = array("H", [code if is_known else _UNKNOWN for is_known in known])
    return ScalarCodes(means, _unplanes(part[two:], "H"), exact)


def _histogram(part: bytes, bounds: Bounds, used: Sequence[int], slots: int) -> HistogramCodes:
    begin = 2 * slots
    columns = {
        bucket: bytearray(part[begin + n * slots : begin + (n + 1) * slots])
        for n, bucket in enumerate(used)
    }
    return HistogramCodes(SumCodes(slots, part[:begin]), bounds, columns)


def coarser(span: Span, times: int) -> Span:
    """Return a span with steps `times` as long: means of means, highest of highest, sums."""
    step = span.step * times
    if isinstance(span, ScalarSpan):
        pieces = range(0, len(span.means), times)
        means = [_mean(span.means[p : p + times]) for p in pieces]
        highs = [_highest(span.highs[p : p + times]) for p in pieces]
        return ScalarSpan(span.start, step, means, highs)
    pieces = range(0, len(span.sums), times)
    sums = [_total(span.sums[p : p + times]) for p in pieces]
    buckets: Mapping[int, Sequence[int]] = {
        bucket: [sum(counts[p : p + times]) for p in pieces]
        for bucket, counts in span.buckets.items()
    }
    return HistogramSpan(span.start, step, sums, span.bounds, buckets)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else nan


def _highest(values: Sequence[float]) -> float:
    return max((value for value in values if value == value), default=nan)


def _total(values: Sequence[float]) -> float:
    known = [value for value in values if value == value]
    return sum(known) if known else nan
