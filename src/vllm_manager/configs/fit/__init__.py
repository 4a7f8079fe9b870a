"""Whether a model with its settings fits the memory that is there, estimated before it starts."""

from vllm_manager.configs.fit.comparison import compare
from vllm_manager.configs.fit.schemas import (
    FitComparison,
    FitReport,
    FitRequest,
    MemoryActual,
)
from vllm_manager.configs.fit.service import Fit

__all__ = ["Fit", "FitComparison", "FitReport", "FitRequest", "MemoryActual", "compare"]
