"""Model configurations: named, versioned recipes, and the engine's own arguments."""

from vllm_manager.configs.arguments import EngineArguments
from vllm_manager.configs.checks import RecipeChecks, check_adapters, check_bounds
from vllm_manager.configs.environment import check_environment
from vllm_manager.configs.presets import Presets
from vllm_manager.configs.recipe import (
    ArgumentValue,
    Autoscaling,
    LoraModule,
    MaxConcurrentRequests,
    MaxQueuedRequests,
    Name,
    QueueWaitSeconds,
    Recipe,
    Replicas,
    Resources,
    Strict,
)
from vllm_manager.configs.schemas import ArgumentInfo, ConfigVersion
from vllm_manager.configs.service import Recipes
from vllm_manager.configs.sources import check_adapter_folder, check_model
from vllm_manager.configs.withheld import EnvironmentVault, sealed_names, shown

__all__ = [
    "ArgumentInfo",
    "ArgumentValue",
    "Autoscaling",
    "ConfigVersion",
    "EngineArguments",
    "EnvironmentVault",
    "LoraModule",
    "MaxConcurrentRequests",
    "MaxQueuedRequests",
    "Name",
    "Presets",
    "QueueWaitSeconds",
    "Recipe",
    "RecipeChecks",
    "Recipes",
    "Replicas",
    "Resources",
    "Strict",
    "check_adapter_folder",
    "check_adapters",
    "check_bounds",
    "check_environment",
    "check_model",
    "sealed_names",
    "shown",
]
