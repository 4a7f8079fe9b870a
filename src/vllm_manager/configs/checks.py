"""Whether a recipe makes sense: its model's name, its arguments, its variables, its adapters."""

from collections import Counter
from dataclasses import dataclass

from vllm_manager.configs.arguments import EngineArguments
from vllm_manager.configs.environment import check_environment
from vllm_manager.configs.recipe import Recipe
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
            *check_adapters(recipe),
            *_check_bounds(recipe),
        ]


def check_adapters(recipe: Recipe) -> list[FieldError]:
    """Return what is wrong with the list of adapters; empty if nothing is."""
    if not recipe.lora_modules:
        return []
    if "lora_modules" in {name.lstrip("-").replace("-", "_") for name in recipe.arguments}:
        message = "Name adapters in the field `lora_modules` or in the arguments, not in both."
        return [FieldError(field="arguments.lora_modules", message=message)]
    counts = Counter(module.name for module in recipe.lora_modules)
    return [
        FieldError(field="lora_modules", message=f"“{name}” is named {count} times.")
        for name, count in counts.items()
        if count > 1
    ]


def _check_bounds(recipe: Recipe) -> list[FieldError]:
    bounds = recipe.autoscaling
    if bounds is None or bounds.min_replicas <= recipe.replicas <= bounds.max_replicas:
        return []
    nearest = min(max(recipe.replicas, bounds.min_replicas), bounds.max_replicas)
    message = f"It must lie within {bounds.min_replicas} to {bounds.max_replicas}, the bounds."
    return [FieldError(field="replicas", message=message, suggestion=str(nearest))]
