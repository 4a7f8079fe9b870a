"""The engine's own histograms (Prometheus text, vLLM's names) as those of a report."""

import re
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

_SOURCES = {
    "ttft_seconds": "vllm:time_to_first_token_seconds",
    "inter_token_seconds": "vllm:inter_token_latency_seconds",
    "request_seconds": "vllm:e2e_request_latency_seconds",
    "queue_seconds": "vllm:request_queue_time_seconds",
    "prefill_seconds": "vllm:request_prefill_time_seconds",
    "decode_seconds": "vllm:request_decode_time_seconds",
}
_NAMES = {source: name for name, source in _SOURCES.items()}
_WANTED = "|".join(source.removeprefix("vllm:") for source in _NAMES)
_BUCKET = re.compile(
    rf'^(vllm:(?:{_WANTED}))_bucket\{{.*?\ble="([^"]+)".*?\}} (\S+)$', re.MULTILINE
)
_SUM = re.compile(rf"^(vllm:(?:{_WANTED}))_sum(?:\{{.*\}})? (\S+)$", re.MULTILINE)


class Histogram(NamedTuple):
    """How many values were at most each bound, since the engine began."""

    bounds: Sequence[float]
    """Rising; the last is infinite."""
    counts: Sequence[int]
    """Cumulative: as many as bounds."""
    total: float
    """Sum of all values."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as a report has it; JSON knows no infinity."""
        bounds = [None if bound == float("inf") else bound for bound in self.bounds]
        return {"bounds": bounds, "counts": list(self.counts), "total": round(self.total, 6)}


Histograms = Mapping[str, Histogram]


def histograms(text: str) -> Histograms:
    """Return the histograms that `text` has; several engines in one process are added up."""
    counts: dict[str, dict[float, float]] = {}
    for source, bound, count in _BUCKET.findall(text):
        seen = counts.setdefault(source, {})
        seen[float(bound)] = seen.get(float(bound), 0.0) + float(count)
    sums: dict[str, float] = {}
    for source, total in _SUM.findall(text):
        sums[source] = sums.get(source, 0.0) + float(total)
    found: dict[str, Histogram] = {}
    for source, seen in counts.items():
        bounds = sorted(seen)
        told = [int(seen[bound]) for bound in bounds]
        found[_NAMES[source]] = Histogram(bounds, told, sums.get(source, 0.0))
    return found


class WithoutProbes:
    """Takes the supervisor's own probes out of what the engine counted.

    A probe is the smallest request that there is. Where others came in the same moment, it is
    taken to be the fastest of them.
    """

    def __init__(self) -> None:
        self._before: Histograms = {}
        self._probes = 0
        self._own: dict[str, list[int]] = {}
        self._own_totals: dict[str, float] = {}

    def take(self, found: Histograms, probes: int) -> Histograms:
        """Return `found` less what probes added; `probes` is how many there were so far."""
        new = probes - self._probes
        for name, histogram in found.items():
            self._learn(name, histogram, new)
        self._before, self._probes = found, probes
        return {name: self._less(name, histogram) for name, histogram in found.items()}

    def _learn(self, name: str, now: Histogram, new: int) -> None:
        own = self._own.setdefault(name, [0] * len(now.bounds))
        before = self._before.get(name) or Histogram(now.bounds, [0] * len(now.bounds), 0.0)
        if len(own) != len(now.bounds) or len(before.bounds) != len(now.bounds):
            return
        added = list(map(int.__sub__, _each(now.counts), _each(before.counts)))
        count = sum(added)
        mine = min(new, count)
        if mine <= 0:
            return
        self._own_totals[name] = (
            self._own_totals.get(name, 0.0) + (now.total - before.total) * mine / count
        )
        for index, more in enumerate(added):
            taken = min(mine, more)
            own[index] += taken
            mine -= taken

    def _less(self, name: str, now: Histogram) -> Histogram:
        own = self._own[name]
        if len(own) != len(now.bounds):
            return now
        counts = accumulate(max(0, n - o) for n, o in zip(_each(now.counts), own, strict=True))
        total = max(0.0, now.total - self._own_totals.get(name, 0.0))
        return Histogram(now.bounds, list(counts), total)


def _each(cumulative: Sequence[int]) -> list[int]:
    """Return how many are in each bucket alone."""
    return [upto - below for upto, below in zip(cumulative, [0, *cumulative[:-1]], strict=True)]
