"""What Prometheus is told, and what is asked of it: figures, engines to scrape, long ranges."""

from vllm_manager.monitoring.prometheus.exposition import families
from vllm_manager.monitoring.prometheus.history import PrometheusHistory
from vllm_manager.monitoring.prometheus.relay import EngineMetrics
from vllm_manager.monitoring.prometheus.text import MEDIA_TYPE, PREFIX, Family, one, render

__all__ = [
    "MEDIA_TYPE",
    "PREFIX",
    "EngineMetrics",
    "Family",
    "PrometheusHistory",
    "families",
    "one",
    "render",
]
