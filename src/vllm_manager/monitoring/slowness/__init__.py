"""Why a model that serves is slow: from its figures to ranked causes, with what to do."""

from vllm_manager.monitoring.slowness.service import Slowness

__all__ = ["Slowness"]
