"""The names that requests ask for: of deployments and of their adapters, each of one alone."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from vllm_manager.kit.errors import FieldError, Problem, Remedy

Spec = Mapping[str, Any]
"""A deployment's spec as JSON values."""


def adapters_of(spec: Spec) -> list[str]:
    """Return the names of a spec's adapters, in order: of the field, and of the argument."""
    fields: Sequence[Mapping[str, str]] = spec.get("lora_modules") or ()
    return list(dict.fromkeys([*(module["name"] for module in fields), *_in_arguments(spec)]))


def refuse_if_taken(spec: Spec, others: Iterable[tuple[str, Spec]]) -> None:
    """Refuse a spec with a name that another deployment answers to; `others` may hold its own.

    Raises:
        Problem: the names are taken (409), each with whose it is.
    """
    name, adapters = str(spec["name"]), adapters_of(spec)
    owners = {name: f"this deployment, “{name}”, itself"} if name in adapters else {}
    for other, its in others:
        if other == name:
            continue
        theirs = adapters_of(its)
        owners |= {a: f"the deployment “{other}”" for a in adapters if a == other}
        owners |= {a: f"an adapter of “{other}”" for a in (name, *adapters) if a in theirs}
    if owners:
        raise _taken(name, adapters, owners)


def _taken(name: str, adapters: Sequence[str], owners: Mapping[str, str]) -> Problem:
    said = ", ".join(f"“{taken}” is the name of {owner}" for taken, owner in owners.items())
    errors = [
        FieldError(
            field=f"lora_modules.{adapters.index(taken)}.name" if taken in adapters else "name",
            message=f"It is the name of {owner}.",
        )
        for taken, owner in owners.items()
    ]
    return Problem(
        "name_taken",
        f"Requests choose a model by its name, so each name is one model's alone, and {said}. "
        f"Choose another name{'' if name in owners else ' for the adapter'}.",
        status=409,
        errors=errors,
        remediation=[Remedy(label="Choose another name")],
    )


def _in_arguments(spec: Spec) -> list[str]:
    """Return the names in the engine's own argument: `name=path`, or JSON objects."""
    given: Mapping[str, Any] = spec.get("arguments") or {}
    values = [v for k, v in given.items() if k.lstrip("-").replace("-", "_") == "lora_modules"]
    found: list[str] = []
    for value in values:
        words = cast("list[object]", value) if isinstance(value, list) else [value]
        found += [name for word in words if (name := _name_of(word))]
    return found


def _name_of(word: object) -> str | None:
    if isinstance(word, str) and word.lstrip().startswith("{"):
        try:
            word = json.loads(word)
        except ValueError:
            return None  # the engine says what is wrong with it
    if isinstance(word, Mapping):
        name = cast("Mapping[str, object]", word).get("name")
        return name if isinstance(name, str) else None
    return str(word).partition("=")[0] or None
