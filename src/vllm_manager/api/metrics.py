"""The control plane's own figures, as families of Prometheus."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import psutil

from vllm_manager.cluster import Warmer
from vllm_manager.deployments import LogCounts, Standing, StartCounts
from vllm_manager.monitoring.prometheus import Family, one
from vllm_manager.monitoring.samples import Distribution, Labels


class _Kind(NamedTuple):
    method: str
    route: str
    status: int


@dataclass(slots=True)
class _Sum:
    count: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class RequestCounts:
    """Requests by method, route template and status; bounded by the number of routes."""

    _sums: dict[_Kind, _Sum] = field(default_factory=dict[_Kind, _Sum])

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        # A made-up method must not become a label of its own.
        known = method if method in _METHODS else "other"
        entry = self._sums.setdefault(_Kind(known, route, status), _Sum())
        entry.count += 1
        entry.seconds += seconds

    def families(self) -> list[Family]:
        known = [(_labels(**kind._asdict()), entry) for kind, entry in self._sums.items()]
        counts = [(labels, entry.count) for labels, entry in known]
        seconds = [(labels, entry.seconds) for labels, entry in known]
        return [
            Family("api_requests_total", "counter", "Requests to the API answered.", counts),
            Family("api_request_seconds_total", "counter", "Time spent on them.", seconds),
        ]


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def resident_bytes() -> int:
    """Return the memory that this process holds."""
    return psutil.Process().memory_info().rss


def process_families(version: str, streams: int, workers: int) -> list[Family]:
    """Return what the control plane's process says of itself."""
    build = [((("version", version),), 1)]
    return [
        Family("build_info", "gauge", "1, with the release that runs.", build),
        Family("resident_bytes", "gauge", "Memory of the control plane.", one(resident_bytes())),
        Family("event_streams", "gauge", "Open event streams of browsers.", one(streams)),
        Family("gateway_workers", "gauge", "Gateway workers that were heard lately.", one(workers)),
    ]


def deployment_families(standings: Sequence[Standing]) -> list[Family]:
    """Return where each deployment stands, and how many are in which phase."""
    by_phase = Counter(standing.phase for standing in standings)
    counts = [(_labels(phase=phase), count) for phase, count in sorted(by_phase.items())]
    phases = [(_labels(deployment=s.name, phase=s.phase), 1) for s in standings]
    wanted = [(_labels(deployment=s.name), s.wanted) for s in standings]
    ready = [(_labels(deployment=s.name), s.ready) for s in standings]
    return [
        Family("deployments", "gauge", "Deployments by phase.", counts),
        Family("deployment_phase", "gauge", "1 for the phase that it is in.", phases),
        Family("deployment_replicas_wanted", "gauge", "Replicas that should answer.", wanted),
        Family("deployment_replicas_ready", "gauge", "Replicas that are ready.", ready),
    ]


def start_families(starts: StartCounts) -> list[Family]:
    """Return the starts that reached ready since this process began, and their phases."""
    totals = [(_labels(how=how), count) for how, count in sorted(starts.totals.items())]
    parts = [
        (_labels(how=how, phase=phase), Distribution((), (spent.count,), round(spent.seconds, 3)))
        for (how, phase), spent in sorted(starts.phases.items())
    ]
    return [
        Family("starts_total", "counter", "Starts that reached ready.", totals),
        Family("start_seconds", "summary", "Seconds of each phase of a start.", parts),
    ]


def spare_families(warmers: Iterable[Warmer]) -> list[Family]:
    """Return the processes that wait to become engines, by node."""
    ready: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for warmer in warmers:
        node = warmer.node.hostname or warmer.node.id
        ready[node] += sum(spare.state == "ready" for spare in warmer.spares)
        held[node] += sum(spare.resident_bytes or 0 for spare in warmer.spares)
    return [
        Family("spares_ready", "gauge", "Processes that wait to become engines.", _by_node(ready)),
        Family("spare_resident_bytes", "gauge", "Memory that they hold.", _by_node(held)),
    ]


def log_families(logs: Sequence[LogCounts]) -> list[Family]:
    """Return engines' lines of output by replica, since this process first heard of it."""
    labels = [_labels(deployment=each.deployment, replica=each.replica) for each in logs]
    kept = list(zip(labels, (each.lines for each in logs), strict=True))
    dropped = list(zip(labels, (each.dropped for each in logs), strict=True))
    about = "Lines of engines that came too fast to be kept."
    return [
        Family("engine_log_lines_total", "counter", "Lines of engines that were kept.", kept),
        Family("engine_log_lines_dropped_total", "counter", about, dropped),
    ]


def _by_node(counts: Counter[str]) -> list[tuple[Labels, int]]:
    return [(_labels(node=node), count) for node, count in counts.items()]


def _labels(**labels: object) -> Labels:
    return tuple((name, str(value)) for name, value in labels.items())
