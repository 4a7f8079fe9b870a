"""Keeps the secrets that a replica holds itself out of what its engine is said to have printed.

What only looks like a secret is taken out by the control plane, before it is kept.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import quote

from vllm_manager_engine.failures.failure import Failure

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


def forms_of(*secrets: str) -> tuple[str, ...]:
    """Return every form in which a line may show these values, the longest first.

    As it is, each of its lines, and both as they stand in JSON and in an address.
    """
    forms: set[str] = set()
    for secret in secrets:
        for text in (secret, *(line.strip() for line in secret.splitlines())):
            if len(text) >= _SHORTEST:
                forms |= {text, quote(text), quote(text, safe="")}
                forms |= {
                    json.dumps(text, ensure_ascii=is_ascii)[1:-1] for is_ascii in (False, True)
                }
    return tuple(sorted(forms, key=len, reverse=True))


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return `text` without these values."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, "…")
    return text


def hidden(failure: Failure, secrets: Iterable[str]) -> Failure:
    """Return what is told of a failure without these values."""
    return replace(
        failure,
        detail=hide(failure.detail, secrets),
        evidence=hide(failure.evidence, secrets) if failure.evidence else None,
        tail=hide(failure.tail, secrets) if failure.tail else None,
    )
