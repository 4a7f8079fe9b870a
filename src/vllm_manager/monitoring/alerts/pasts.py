"""The pasts of those figures whose growth is judged."""

from collections.abc import Mapping
from typing import Final, TypeVar

from vllm_manager.monitoring.alerts.facts import Facts, ProcessName
from vllm_manager.monitoring.alerts.trends import Trend

QUEUE_SECONDS: Final = 120.0
_QUEUE_STEP_SECONDS: Final = 5.0
MEMORY_SECONDS: Final = 3600.0
MEMORY_STEP_SECONDS: Final = 60.0
ENGINE_MEMORY_SECONDS: Final = 6 * 3600.0
"""An engine's memory grows while it fills its caches, on a CPU for hours."""
ENGINE_STEP_SECONDS: Final = 360.0
_ENGINE: Final = "engine"
_GONE_SECONDS: Final = 600.0
"""A process that was not measured for longer is taken to have ended."""

T = TypeVar("T")


class Trends:
    """What was noted of each, as far back as its growth is judged by."""

    def __init__(self) -> None:
        self.waiting: dict[str, Trend] = {}
        self.process_bytes: dict[ProcessName, Trend] = {}
        self.engine_bytes: dict[ProcessName, Trend] = {}

    def note(self, facts: Facts) -> None:
        """Add what `facts` say now; forget whoever is gone."""
        now = facts.monotonic
        if facts.deployments is not None:
            known = [d for d in facts.deployments if d.requests_waiting is not None]
            waiting = {d.name: d.requests_waiting or 0.0 for d in known}
            _note(self.waiting, waiting, now, QUEUE_SECONDS, _QUEUE_STEP_SECONDS)
            _forget(self.waiting, now, QUEUE_SECONDS)
        sizes = {name: float(size) for name, size in facts.process_bytes.items()}
        engines = {name: size for name, size in sizes.items() if name.process == _ENGINE}
        others = {name: size for name, size in sizes.items() if name.process != _ENGINE}
        _note(self.process_bytes, others, now, MEMORY_SECONDS, MEMORY_STEP_SECONDS)
        _note(self.engine_bytes, engines, now, ENGINE_MEMORY_SECONDS, ENGINE_STEP_SECONDS)
        for trends in (self.process_bytes, self.engine_bytes):
            _forget(trends, now, _GONE_SECONDS)


def _note(
    trends: dict[T, Trend], values: Mapping[T, float], now: float, length: float, step: float
) -> None:
    for name, value in values.items():
        trends.setdefault(name, Trend(length, step)).add(now, value)


def _forget(trends: dict[T, Trend], now: float, seconds: float) -> None:
    for name in [n for n, trend in trends.items() if now - trend.last_at > seconds]:
        del trends[name]
