"""The control plane's own figures in Prometheus' text format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import psutil

from vllm_manager.cluster import Warmer
from vllm_manager.deployments import LogCounts, StartCounts

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


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

    def lines(self) -> list[str]:
        counts = [(_labels(kind._asdict()), entry.count) for kind, entry in self._sums.items()]
        seconds = [(_labels(kind._asdict()), entry.seconds) for kind, entry in self._sums.items()]
        return [
            *_family("requests_total", "counter", "Requests answered.", counts),
            *_family("request_seconds_total", "counter", "Time spent on them.", seconds),
        ]


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def resident_bytes() -> int:
    """Return the memory that this process holds."""
    return psutil.Process().memory_info().rss


def render(
    requests: RequestCounts,
    phases: Mapping[str, int],
    starts: StartCounts,
    warmers: Sequence[Warmer],
    streams: int,
    workers: int,
    logs: Sequence[LogCounts] = (),
) -> str:
    """Return the whole exposition."""
    by_phase = [(_labels({"phase": phase}), count) for phase, count in sorted(phases.items())]
    lines = [
        *_family("resident_bytes", "gauge", "Memory of the control plane.", _one(resident_bytes())),
        *_family("event_streams", "gauge", "Open event streams.", _one(streams)),
        *_family("gateway_workers", "gauge", "Connected gateway workers.", _one(workers)),
        *_family("deployments", "gauge", "Deployments by phase.", by_phase),
        *_start_lines(starts),
        *_spare_lines(warmers),
        *_log_lines(logs),
        *requests.lines(),
    ]
    return "\n".join(lines) + "\n"


def _start_lines(starts: StartCounts) -> list[str]:
    """Return the starts that reached ready since this process began, and their phases."""
    totals = [(_labels({"how": how}), count) for how, count in sorted(starts.totals.items())]
    parts = [({"how": how, "phase": phase}, s) for (how, phase), s in sorted(starts.phases.items())]
    counts = [(_labels(labels), spent.count) for labels, spent in parts]
    sums = [(_labels(labels), round(spent.seconds, 3)) for labels, spent in parts]
    name = "vllm_manager_start_seconds"
    return [
        *_family("starts_total", "counter", "Starts that reached ready.", totals),
        f"# HELP {name} Seconds of each phase of a start.",
        f"# TYPE {name} summary",
        *(f"{name}_sum{labels} {value}" for labels, value in sums),
        *(f"{name}_count{labels} {value}" for labels, value in counts),
    ]


def _spare_lines(warmers: Sequence[Warmer]) -> list[str]:
    spares = [(warmer.node, spare) for warmer in warmers for spare in warmer.spares]
    held = [
        (_labels({"node": node.hostname or node.id, "pid": s.pid}), s.resident_bytes)
        for node, s in spares
        if s.resident_bytes is not None
    ]
    ready = sum(spare.state == "ready" for _, spare in spares)
    return [
        *_family("spares_ready", "gauge", "Processes that wait to become engines.", _one(ready)),
        *_family("spare_resident_bytes", "gauge", "Memory of each of them.", held),
    ]


def _log_lines(logs: Sequence[LogCounts]) -> list[str]:
    """Return engines' lines of output by replica, since this process first heard of it."""
    labels = [_labels({"deployment": one.deployment, "replica": one.replica}) for one in logs]
    kept = list(zip(labels, (one.lines for one in logs), strict=True))
    dropped = list(zip(labels, (one.dropped for one in logs), strict=True))
    return [
        *_family("engine_log_lines_total", "counter", "Lines of engines that were kept.", kept),
        *_family(
            "engine_log_lines_dropped_total",
            "counter",
            "Lines of engines that came too fast to be kept.",
            dropped,
        ),
    ]


def _one(value: float) -> list[tuple[str, float]]:
    return [("", value)]


def _family(name: str, kind: str, about: str, samples: Sequence[tuple[str, float]]) -> list[str]:
    full = f"vllm_manager_{name}"
    values = [f"{full}{labels} {value}" for labels, value in samples]
    return [f"# HELP {full} {about}", f"# TYPE {full} {kind}", *values]


def _labels(labels: Mapping[str, object]) -> str:
    inner = ",".join(f'{name}="{_escape(str(value))}"' for name, value in labels.items())
    return "{" + inner + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
