"""Keeps the secrets that a replica holds itself out of what its engine is said to have printed.

What only looks like a secret is taken out by the control plane, before it is kept.
"""

import re
from collections.abc import Iterable, Mapping

_NAMES = re.compile(r"TOKEN|SECRET|PASSWORD|API_?KEY|CREDENTIAL", re.IGNORECASE)
_PATHS = re.compile(r"_(PATH|FILE|DIR)$", re.IGNORECASE)
_SHORTEST = 8
"""Shorter values are words (`true`, `1`), and would tear holes into every line."""


def secrets_of(*environments: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of variables whose names say that they are secret."""
    return tuple(
        value
        for environment in environments
        for name, value in environment.items()
        if len(value) >= _SHORTEST and _NAMES.search(name) and not _PATHS.search(name)
    )


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without these values."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, "…")
    return text
