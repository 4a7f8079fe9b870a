"""What all workers of the gateway say of their requests, while it is fresh, and their sums."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Final, NamedTuple

from vllm_manager.gateway.requests.totals import Totals
from vllm_manager.gateway.requests.wire import (
    SECONDS_BOUNDS,
    TTFT_BOUNDS,
    Row,
    Sums,
    Told,
)
from vllm_manager.kit.clock import Clock

SILENT_SECONDS: Final = 10.0
"""What a worker said longer ago is not shown as current."""
_FORGOTTEN_SECONDS: Final = 60.0
_MOST_RECENT: Final = 2000
_MOST_WORKERS: Final = 64

Place = tuple[str, int]
"""A worker, and the number of a request among its own."""


class Seen(NamedTuple):
    """One request as it was last told."""

    place: Place
    pid: int
    row: Row
    seconds: float
    """How long it took, or has taken by now."""
    is_active: bool
    is_current: bool
    """False: its worker has fallen silent, so nobody knows what has become of it."""
    is_cancelling: bool
    """Its worker is told to break it off."""

    @property
    def sort_key(self) -> str:
        """The later it began, the greater."""
        return sort_key(self.place, self.row)


def sort_key(place: Place, row: Row) -> str:
    return f"{int(row.started_at * 1e6):017d}-{place[0]}-{place[1]:012d}"


class Spread(NamedTuple):
    """A histogram: how many were at most each bound, and their sum."""

    bounds: tuple[float, ...]
    counts: tuple[float, ...]
    total: float


class GatewayFigure(NamedTuple):
    """One value of one figure of the gateway."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float | Spread


@dataclass(slots=True)
class _Worker:
    pid: int
    index: int | None
    heard: float = 0.0
    heard_at: datetime | None = None
    under_way: dict[int, Row] = field(default_factory=dict[int, Row])
    sums: Sequence[Sums] = ()
    to_cancel: set[int] = field(default_factory=set[int])


class HeardWorker(NamedTuple):
    """A worker that is alive: it spoke within the last seconds."""

    number: int | None
    """Its place among the gateway's workers; None: it is of an older release."""
    pid: int
    heard_at: datetime


class RequestBoard:
    """Holds everything in memory: after a start, workers have told all again within two seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._workers: dict[str, _Worker] = {}
        self._recent: dict[Place, tuple[int, Row]] = {}
        self._totals = Totals()

    def put(self, told: Told) -> list[int]:
        """Take what a worker says; return the numbers of its requests to break off."""
        worker = self._workers.pop(told.worker, None) or _Worker(told.pid, told.index)
        self._workers[told.worker] = worker
        worker.heard, worker.heard_at = self._clock.monotonic(), self._clock.now()
        worker.under_way = {row.number: row for row in told.under_way}
        worker.sums = told.sums
        self._totals.add(told.worker, told.sums, was_heard=told.was_heard)
        for row in told.ended:
            worker.to_cancel.discard(row.number)
            self._recent[told.worker, row.number] = told.pid, row
        for place in list(self._recent)[: max(0, len(self._recent) - _MOST_RECENT)]:
            del self._recent[place]
        self._forget_workers()
        return sorted(worker.to_cancel & worker.under_way.keys())

    def cancel(self, place: Place) -> None:
        """Have a request broken off, when its worker is next heard: within half a second."""
        self._workers[place[0]].to_cancel.add(place[1])

    def seen(self) -> Iterator[Seen]:
        """Yield every request that is under way or ended lately, in no order."""
        now = self._clock.monotonic()
        for name, worker in self._workers.items():
            silence = now - worker.heard
            if silence >= _FORGOTTEN_SECONDS:
                continue
            is_current = silence < SILENT_SECONDS
            for number, row in worker.under_way.items():
                place = name, number
                if place in self._recent:
                    continue
                seconds = row.seconds + silence if is_current else row.seconds
                is_cancelling = number in worker.to_cancel
                yield Seen(place, worker.pid, row, seconds, True, is_current, is_cancelling)
        for place, (pid, row) in self._recent.items():
            yield Seen(place, pid, row, row.seconds, False, True, False)

    def workers(self) -> tuple[int, int]:
        """Return how many workers are heard, and how many fell silent within the last minute."""
        now = self._clock.monotonic()
        silences = [now - worker.heard for worker in self._workers.values()]
        heard = sum(silence < SILENT_SECONDS for silence in silences)
        silent = sum(SILENT_SECONDS <= silence < _FORGOTTEN_SECONDS for silence in silences)
        return heard, silent

    def heard(self) -> list[HeardWorker]:
        """Return the workers that are heard, one of each place: who was heard last."""
        found: dict[int | str, HeardWorker] = {}
        for name, worker in self._speaking().items():
            if worker.heard_at is not None:
                place = name if worker.index is None else worker.index
                found[place] = HeardWorker(worker.index, worker.pid, worker.heard_at)
        return list(found.values())

    def heard_at(self) -> Mapping[int | None, datetime]:
        """Return when each process last spoke, by pid, also of those that are silent lately."""
        return {w.pid: w.heard_at for w in self._workers.values() if w.heard_at is not None}

    def figures(self) -> list[GatewayFigure]:
        """Return the sums over all workers.

        None while any worker is silent, so that what it does meanwhile is unknown: a part is never
        told as the whole. A worker whose place another one has taken is not waited for.
        """
        speaking = self._speaking()
        if not speaking or self._misses_any(speaking):
            return []
        found = [figure for whole in self._totals.all() for figure in _counted(whole)]
        under_way: Counter[str] = Counter()
        queued: Counter[str] = Counter()
        for worker in speaking.values():
            for sums in worker.sums:
                under_way[sums.deployment] += sums.under_way
                queued[sums.deployment] += sums.queued
        for name, counts in (("under_way", under_way), ("queued", queued)):
            found += [
                GatewayFigure(f"gateway_requests_{name}", (("deployment", deployment),), count)
                for deployment, count in counts.items()
            ]
        return found

    def _speaking(self) -> dict[str, _Worker]:
        """Return the workers that are heard, who was heard last at the end."""
        now = self._clock.monotonic()
        return {n: w for n, w in self._workers.items() if now - w.heard < SILENT_SECONDS}

    def _misses_any(self, speaking: Mapping[str, _Worker]) -> bool:
        now = self._clock.monotonic()
        places = {w.index for w in speaking.values() if w.index is not None}
        return any(
            now - worker.heard < _FORGOTTEN_SECONDS
            for name, worker in self._workers.items()
            if name not in speaking and worker.index not in places
        )

    def _forget_workers(self) -> None:
        """Leave those that are silent for long, and where there are very many, of the others."""
        now = self._clock.monotonic()
        gone = [n for n, w in self._workers.items() if now - w.heard >= _FORGOTTEN_SECONDS]
        left = [name for name in self._workers if name not in gone]
        for name in (*gone, *left[: max(0, len(left) - _MOST_WORKERS)]):
            del self._workers[name]
            self._totals.forget(name)


def _counted(whole: Sums) -> Iterator[GatewayFigure]:
    labels = (("deployment", whole.deployment),)
    for status, count in whole.answered.items():
        yield GatewayFigure("gateway_requests_total", (*labels, ("status", status)), count)
    for name, bounds, histogram in (
        ("gateway_request_seconds", SECONDS_BOUNDS, whole.seconds),
        ("gateway_ttft_seconds", TTFT_BOUNDS, whole.ttft),
    ):
        spread = Spread(bounds, tuple(accumulate(histogram.counts)), histogram.total)
        yield GatewayFigure(name, labels, spread)
    for direction, tokens in (("in", whole.tokens_in), ("out", whole.tokens_out)):
        for key_class, count in tokens.items():
            more = (("direction", direction), ("key_class", key_class))
            yield GatewayFigure("gateway_tokens_total", (*labels, *more), count)
