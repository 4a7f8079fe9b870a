"""Whether a recipe makes sense: its model's name, its arguments, its variables, its adapters."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vllm_manager.configs.arguments import EngineArguments
from vllm_manager.configs.environment import check_environment
from vllm_manager.configs.recipe import Autoscaling, LoraModule, Recipe
from vllm_manager.configs.sources import check_model
from vllm_manager.kit.errors import FieldError


@dataclass(frozen=True, slots=True)
class RecipeChecks:
    """What a recipe is checked against. Whether it can run here is a deployment's matter."""

    arguments: EngineArguments

    def errors(self, recipe: Recipe) -> list[FieldError]:
        """Return what is wrong with a recipe; empty if nothing is.

        Raises:
            Problem: the engine's argument list can't be read (503).
        """
        return [
            *check_model(recipe.model, recipe.revision, local=False),
            *self.arguments.check(recipe.arguments),
            *check_environment(recipe.environment),
            *check_adapters(recipe.lora_modules, recipe.arguments),
            *check_bounds(recipe.replicas, recipe.autoscaling),
        ]


def check_adapters(modules: Sequence[LoraModule], arguments: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with a list of adapters; empty if nothing is."""
    if not modules:
        return []
    if "lora_modules" in {name.lstrip("-").replace("-", "_") for name in arguments}:
        message = "Name adapters in the field `lora_modules` or in the arguments, not in both."
        return [FieldError(field="arguments.lora_modules", message=message)]
    counts = Counter(module.name for module in modules)
    return [
        FieldError(field="lora_modules", message=f"“{name}” is named {count} times.")
        for name, count in counts.items()
        if count > 1
    ]


def check_bounds(replicas: int, bounds: Autoscaling | None) -> list[FieldError]:
    """Return what is wrong with a number of replicas; empty if it lies within the bounds."""
    if bounds is None or bounds.min_replicas <= replicas <= bounds.max_replicas:
        return []
    nearest = min(max(replicas, bounds.min_replicas), bounds.max_replicas)
    message = f"It must lie within {bounds.min_replicas} to {bounds.max_replicas}, the bounds."
    return [FieldError(field="replicas", message=message, suggestion=str(nearest))]
