"""What replicas report of their engines: the engine's own figures, and what its processes take."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf

from vllm_manager.deployments import Report
from vllm_manager.kit.clock import Clock
from vllm_manager.monitoring.samples.figures import BY_NAME, PROCESS, Labels
from vllm_manager.monitoring.samples.reading import Board, Distribution, Sample


class EngineFeed:
    """Puts each report on the board that is newer than what is there."""

    name = "engines"

    def __init__(self, reports: Callable[[], Sequence[Report]], here: str, clock: Clock) -> None:
        """`here` is the node of those that name none."""
        self._reports = reports
        self._here = here
        self._clock = clock
        self._seen: dict[str, float] = {}

    async def feed(self, board: Board) -> None:
        """Put what has come since the last call."""
        now = self._clock.monotonic()
        reports = self._reports()
        for report in reports:
            if report.received > self._seen.get(report.incarnation, -inf):
                found = [*samples_of(report), *_of_processes(report, self._here)]
                if found:
                    board.put(f"engine/{report.incarnation}", found, now - report.received)
        self._seen = {report.incarnation: report.received for report in reports}


_PROCESSES = ("engine", "supervisor")


def samples_of(report: Report) -> Sequence[Sample]:
    """Return the figures of a report's engine."""
    labels: Labels = (("deployment", report.deployment), ("replica", report.replica_id))
    metrics: Mapping[str, float | None] = report.metrics or {}
    samples = [
        Sample(f"engine_{name}", labels, value)
        for name, value in metrics.items()
        if value is not None and f"engine_{name}" in BY_NAME
    ]
    for name, seen in report.histograms.items():
        if f"engine_{name}" in BY_NAME:
            distribution = Distribution(seen.bounds, seen.counts, seen.total)
            samples.append(Sample(f"engine_{name}", labels, distribution))
    return samples


def _of_processes(report: Report, here: str) -> Iterator[Sample]:
    whose: Labels = (("deployment", report.deployment), ("replica", report.replica_id))
    for process in _PROCESSES:
        labels = (("node", report.hostname or here), ("process", process), *whose)
        for name, value in report.processes.get(process, {}).items():
            figure = BY_NAME.get(name)
            if figure is not None and figure.labels == PROCESS:
                yield Sample(name, labels, value)
