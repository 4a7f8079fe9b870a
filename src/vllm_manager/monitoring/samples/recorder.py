"""Turns readings into columns: counters become rates, histograms what was added to them."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from vllm_manager.monitoring.samples.columns import Ring
from vllm_manager.monitoring.samples.figures import BY_NAME, Labels
from vllm_manager.monitoring.samples.reading import Distribution, Reading, Sample

STEP_SECONDS: Final = 2
SLOTS: Final = 1800
_STANDS_SLOTS: Final = 5
"""A source that speaks less often than every step stands for so many steps until it speaks."""
_LEAST_SECONDS: Final = 0.2


class _Last(NamedTuple):
    """The value before this one: of a counter or histogram, what it is compared with."""

    slot: int
    received: float
    value: float | Distribution


class Recorder:
    """Writes every new reading into the ring of two-second steps."""

    def __init__(self) -> None:
        self.ring = Ring(STEP_SECONDS, SLOTS, has_highs=False)
        self._forgot = 0
        """The hour in which it last forgot whom it had not heard."""
        self._taken: dict[str, float] = {}
        self._last: dict[tuple[str, Labels], _Last] = {}

    def record(self, readings: Mapping[str, Reading], now: float) -> None:
        """Write what was not written yet. `now` is the wall clock, in seconds since 1970.

        While the wall clock stands, or was set back a little, nothing is written: what was counted
        meanwhile is in the next step.
        """
        slot = int(now // STEP_SECONDS)
        newest = self.ring.newest
        if newest is not None and newest - _STANDS_SLOTS <= slot <= newest:
            return
        if newest is not None and slot < newest:
            self._last.clear()
        self.ring.advance(slot)
        for source, reading in readings.items():
            if reading.received > self._taken.get(source, float("-inf")):
                self._taken[source] = reading.received
                for sample in reading.samples:
                    self._take(sample, slot, reading)
        if slot // SLOTS != self._forgot:
            self._forgot = slot // SLOTS
            self._forget(slot, readings)

    def _take(self, sample: Sample, slot: int, reading: Reading) -> None:
        figure = BY_NAME.get(sample.figure)
        if figure is None:
            return
        key = (sample.figure, sample.labels)
        before = self._last.get(key)
        if before is not None and not 0 < slot - before.slot <= _STANDS_SLOTS:
            before = None
        now = _Last(slot, reading.received, sample.value)
        self._last[key] = now
        if isinstance(sample.value, Distribution):
            self._take_histogram(key, before, now, sample.value, reading.at.timestamp())
        elif figure.kind == "counter":
            self._take_counter(key, before, now, sample.value, reading.at.timestamp())
        else:
            self._take_gauge(key, before, now, sample.value, reading.at.timestamp())

    def _take_gauge(
        self, key: tuple[str, Labels], before: _Last | None, now: _Last, value: float, at: float
    ) -> None:
        column = self.ring.scalar(*key)
        if before is not None and not isinstance(before.value, Distribution):
            for slot in range(before.slot + 1, now.slot):
                column.means[slot % SLOTS] = before.value
        column.means[now.slot % SLOTS] = value
        column.newest = at

    def _take_counter(
        self, key: tuple[str, Labels], before: _Last | None, now: _Last, value: float, at: float
    ) -> None:
        column = self.ring.scalar(*key)
        column.newest = at
        if before is None or isinstance(before.value, Distribution):
            return
        # A counter that is lower than it was began anew, at 0.
        more = value - before.value if value >= before.value else value
        rate = more / max(now.received - before.received, _LEAST_SECONDS)
        for slot in range(before.slot + 1, now.slot + 1):
            column.means[slot % SLOTS] = rate

    def _take_histogram(
        self,
        key: tuple[str, Labels],
        before: _Last | None,
        now: _Last,
        value: Distribution,
        at: float,
    ) -> None:
        column = self.ring.histogram(*key, value.bounds)
        column.newest = at
        if before is None or not isinstance(before.value, Distribution):
            return
        for slot in range(before.slot + 1, now.slot):
            column.put(slot % SLOTS, 0.0, {})
        total, counts = added(before.value, value)
        column.put(now.slot % SLOTS, total, counts)

    def _forget(self, slot: int, readings: Mapping[str, Reading]) -> None:
        """Drop what silent sources said last."""
        self._taken = {s: at for s, at in self._taken.items() if s in readings}
        self._last = {k: v for k, v in self._last.items() if slot - v.slot <= _STANDS_SLOTS}


def added(before: Distribution, now: Distribution) -> tuple[float, Mapping[int, int]]:
    """Return the sum and the counts by bucket of the values that came in between."""
    if now.counts == before.counts:
        return 0.0, {}
    if now.bounds != before.bounds or any(map(float.__lt__, *_floats(now, before))):
        before = Distribution(now.bounds, (0.0,) * len(now.bounds), 0.0)  # it began anew
    counts: dict[int, int] = {}
    below = 0.0
    for index, (value, old) in enumerate(zip(now.counts, before.counts, strict=True)):
        upto = value - old
        if upto > below:
            counts[index] = round(upto - below)
            below = upto
    return max(0.0, now.total - before.total), counts


def _floats(now: Distribution, before: Distribution) -> tuple[list[float], list[float]]:
    return list(map(float, now.counts)), list(map(float, before.counts))
