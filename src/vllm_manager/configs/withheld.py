"""Values of environment variables: who sees which, and how secret ones are kept.

A value is secret if its name says so or it looks like a credential. It is sealed before it is
kept, nobody is shown it again, and only the engine gets it. Other values are shown to those who
may change them.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from vllm_manager.configs.recipe import Recipe
from vllm_manager.configs.schemas import ConfigChange
from vllm_manager.kit.errors import FieldError, invalid
from vllm_manager.kit.redaction import redact
from vllm_manager.kit.vault import Vault

_R = TypeVar("_R", bound=Recipe)
MASK: Final = "********"
"""Shown in place of a value. Sent back, it means: as it was."""
_SEALED: Final = "sealed:"
_SECRET_NAME: Final = re.compile(
    r"(?i)(?:^|_)(?:token|keys?|credentials?)(?:_|$)|secret|passw|passphrase|apikey"
)


def is_secret(name: str, value: str) -> bool:
    """Whether a variable's value is for the engine alone."""
    if _SECRET_NAME.search(name) or value.startswith(_SEALED):
        return True
    return redact(value) != value


def sealed_names(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables whose values are kept sealed."""
    return tuple(sorted(n for n, value in environment.items() if value.startswith(_SEALED)))


def shown(environment: Mapping[str, str], *, with_values: bool) -> dict[str, str]:
    """Return variables as they may be shown: secret values never are, others `with_values`."""
    return {
        name: value if with_values and not (value and is_secret(name, value)) else MASK
        for name, value in environment.items()
    }


def shown_recipe(recipe: _R, *, with_values: bool) -> _R:
    """Return a recipe with its environment as it may be shown."""
    environment = shown(recipe.environment, with_values=with_values)
    return recipe.model_copy(update={"environment": environment})


def shown_change(change: ConfigChange, *, with_values: bool) -> ConfigChange:
    """Return a difference as it may be shown."""
    under, _, name = change.path.partition(".")
    if under != "environment":
        return change

    def as_shown(value: Any) -> Any:
        if value is None:
            return None
        return shown({name: str(value)}, with_values=with_values)[name]

    seen = {"before": as_shown(change.before), "after": as_shown(change.after)}
    return change.model_copy(update=seen)


class EnvironmentVault:
    """Seals secret values before they are kept, and opens them for the engine."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def kept(
        self, asked: Mapping[str, Any], before: Mapping[str, str], field: str = "environment"
    ) -> dict[str, Any]:
        """Return what to keep of variables as a client sent them; `before` is what is kept now.

        A masked value, or the same secret again, leaves what is kept as it is. `field` is how the
        client calls the environment.

        Raises:
            Problem: a value is masked, and none is kept (422); or `vault_locked`.
        """
        errors = [
            FieldError(
                field=f"{field}.{name}",
                message=f"`{MASK}` stands for a value that is kept, and none is kept here. Give "
                "the value, or leave the variable out.",
            )
            for name, value in asked.items()
            if value == MASK and name not in before
        ]
        if errors:
            raise invalid(errors)
        return {name: self._kept(name, value, before.get(name)) for name, value in asked.items()}

    def opened(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return variables as the engine gets them.

        Raises:
            Problem: `vault_locked`.
        """
        return {name: self._opened(name, value) for name, value in environment.items()}

    def secrets(self, environment: Mapping[str, str]) -> frozenset[str]:
        """Return the values that are kept sealed.

        Raises:
            Problem: `vault_locked`.
        """
        return frozenset(self._opened(n, environment[n]) for n in sealed_names(environment))

    def _kept(self, name: str, value: str | None, before: str | None) -> str | None:
        if value == MASK and before is not None:
            return before
        if not value or not is_secret(name, value):
            return value
        if before and before.startswith(_SEALED) and self._opened(name, before) == value:
            return before
        return _SEALED + self._vault.seal(value, _purpose(name))

    def _opened(self, name: str, value: str) -> str:
        if not value.startswith(_SEALED):
            return value
        return self._vault.open(value.removeprefix(_SEALED), _purpose(name))


def _purpose(name: str) -> str:
    return f"environment-variable:{name}"
