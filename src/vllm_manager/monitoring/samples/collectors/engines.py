"""What engines say of themselves in their replicas' reports."""

from collections.abc import Callable, Mapping, Sequence
from math import inf

from vllm_manager.deployments import Report
from vllm_manager.kit.clock import Clock
from vllm_manager.monitoring.samples.figures import BY_NAME, Labels
from vllm_manager.monitoring.samples.reading import Board, Distribution, Sample


class EngineFeed:
    """Puts each report on the board that is newer than what is there."""

    name = "engines"

    def __init__(self, reports: Callable[[], Sequence[Report]], clock: Clock) -> None:
        self._reports = reports
        self._clock = clock
        self._seen: dict[str, float] = {}

    async def feed(self, board: Board) -> None:
        """Put what has come since the last call."""
        now = self._clock.monotonic()
        reports = self._reports()
        for report in reports:
            if report.received > self._seen.get(report.incarnation, -inf) and report.metrics:
                source = f"engine/{report.incarnation}"
                board.put(source, samples_of(report), now - report.received)
        self._seen = {report.incarnation: report.received for report in reports}


def samples_of(report: Report) -> Sequence[Sample]:
    """Return a report's figures."""
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
