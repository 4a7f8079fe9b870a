"""How a deployment's spec follows from a config's recipe and what was set beside it. Pure."""

from collections.abc import Mapping
from typing import Any, Final, cast

from vllm_manager.configs import Recipe

MERGED: Final = ("arguments", "environment", "resources")
"""Fields that are laid over each other member by member; others replace."""

FIELDS: Final = (
    "model",
    "revision",
    "replicas",
    "autoscaling",
    "resources",
    "arguments",
    "environment",
    "lora_modules",
    "max_concurrent_requests",
    "max_queued_requests",
    "queue_wait_seconds",
)
"""What a spec takes from a recipe."""


def fields_of(recipe: Recipe) -> dict[str, Any]:
    """Return the part of a recipe that a deployment takes over."""
    plain = recipe.plain()
    return {name: plain[name] for name in FIELDS}


def laid_over(recipe: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's fields with those that were given on top.

    A null takes a variable of the environment away, and an engine argument back to its default.
    """
    spec = dict(recipe)
    for name, value in given.items():
        if name in MERGED and isinstance(value, Mapping):
            own = cast(Mapping[str, Any], value)
            merged: dict[str, Any] = {**spec.get(name, {}), **own}
            spec[name] = {k: v for k, v in merged.items() if v is not None or name != "environment"}
        else:
            spec[name] = value
    return spec


def deviations(recipe: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has to be laid over a recipe's fields to come to this spec."""
    found: dict[str, Any] = {}
    for name, value in recipe.items():
        if name in MERGED:
            own = {k: v for k, v in spec[name].items() if k not in value or value[k] != v}
            gone = dict.fromkeys(value.keys() - spec[name].keys())
            if own or gone:
                found[name] = {**own, **gone}
        elif spec.get(name) != value:  # a spec of an earlier release lacks some fields
            found[name] = spec.get(name)
    return found


def moved(spec: Mapping[str, Any], old: Recipe, new: Recipe) -> dict[str, Any]:
    """Return a spec that was made from one version as another version makes it.

    What was set beside the config stays as it is.
    """
    own = deviations(fields_of(old), spec)
    return {**spec, **laid_over(fields_of(new), own)}
