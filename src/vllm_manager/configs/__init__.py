"""Model configurations: the engine's own arguments, checked before anything starts."""

from vllm_manager.configs.arguments import EngineArguments
from vllm_manager.configs.schemas import ArgumentInfo
from vllm_manager.configs.sources import check_model

__all__ = ["ArgumentInfo", "EngineArguments", "check_model"]
