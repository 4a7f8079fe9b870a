"""Which environment variables an engine may be given."""

import re
from collections.abc import Mapping
from typing import Final

from vllm_manager.configs.reserved import RESERVED_ENVIRONMENT
from vllm_manager.kit.errors import FieldError

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_MOST: Final = 100
_LONGEST: Final = 32_768


def check_environment(environment: Mapping[str, str]) -> list[FieldError]:
    """Return what is wrong with these variables; empty if nothing is."""
    errors: list[FieldError] = []
    if len(environment) > _MOST:
        errors.append(FieldError(field="environment", message=f"At most {_MOST} variables."))
    for name, value in environment.items():
        problem = _problem(name, value)
        if problem is not None:
            errors.append(FieldError(field=f"environment.{name}", message=problem))
    return errors


def _problem(name: str, value: str) -> str | None:
    if not _NAME.fullmatch(name):
        return "A name has letters, digits and underscores, and begins with no digit."
    if name.upper().startswith(RESERVED_ENVIRONMENT):
        return f"`{name}` is set by vLLM Manager, or would change how the engine is guarded."
    if "\0" in value or len(value) > _LONGEST:
        return f"A value has at most {_LONGEST:,} characters and no NUL."
    return None
