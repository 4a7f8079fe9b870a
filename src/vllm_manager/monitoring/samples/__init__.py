"""Figures of nodes, GPUs, processes, engines and the gateway: now, and over time."""

from vllm_manager.monitoring.samples.build import SamplesRoom, Sources, build
from vllm_manager.monitoring.samples.collectors.nodes import nodes_heard
from vllm_manager.monitoring.samples.figures import BY_NAME, FIGURES, Figure, Kind, Labels
from vllm_manager.monitoring.samples.history import History, HistoryUnavailableError, Line
from vllm_manager.monitoring.samples.question import Question
from vllm_manager.monitoring.samples.reading import (
    FRESH_SECONDS,
    Board,
    Collector,
    Distribution,
    Reading,
    Sample,
)
from vllm_manager.monitoring.samples.service import Samples

__all__ = [
    "BY_NAME",
    "FIGURES",
    "FRESH_SECONDS",
    "Board",
    "Collector",
    "Distribution",
    "Figure",
    "History",
    "HistoryUnavailableError",
    "Kind",
    "Labels",
    "Line",
    "Question",
    "Reading",
    "Sample",
    "Samples",
    "SamplesRoom",
    "Sources",
    "build",
    "nodes_heard",
]
