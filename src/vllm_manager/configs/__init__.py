"""Model configurations: named, versioned recipes, and the engine's own arguments."""

from vllm_manager.configs.arguments import EngineArguments
from vllm_manager.configs.checks import RecipeChecks
from vllm_manager.configs.environment import check_environment
from vllm_manager.configs.presets import Presets
from vllm_manager.configs.recipe import (
    ArgumentValue,
    Autoscaling,
    LoraModule,
    Name,
    Recipe,
    Resources,
    Strict,
)
from vllm_manager.configs.schemas import ArgumentInfo, ConfigVersion
from vllm_manager.configs.service import Recipes
from vllm_manager.configs.sources import check_model

__all__ = [
    "ArgumentInfo",
    "ArgumentValue",
    "Autoscaling",
    "ConfigVersion",
    "EngineArguments",
    "LoraModule",
    "Name",
    "Presets",
    "Recipe",
    "RecipeChecks",
    "Recipes",
    "Resources",
    "Strict",
    "check_environment",
    "check_model",
]
