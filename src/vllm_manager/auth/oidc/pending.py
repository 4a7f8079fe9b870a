"""A login under way: what the browser that began it keeps, sealed, until it comes back."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from vllm_manager.kit.errors import Problem
from vllm_manager.kit.vault import Vault

LIFE: Final = timedelta(minutes=10)
"""As long as a login at the provider may take, a second factor included."""
_PURPOSE: Final = "oidc login"
_LONGEST_PATH: Final = 1024


@dataclass(frozen=True, slots=True)
class Pending:
    """What was sent to the provider, what must come back, and where the person was going."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    return_to: str
    begun_at: float
    """Seconds since the epoch."""


def seal(vault: Vault, pending: Pending) -> str:
    return vault.seal(json.dumps(asdict(pending)), _PURPOSE)


def unseal(vault: Vault, sealed: str, now: datetime) -> Pending | None:
    """Return the login that was sealed; None where it is none of ours, or too old."""
    try:
        pending = Pending(**json.loads(vault.open(sealed, _PURPOSE)))
    except (Problem, ValueError, TypeError):
        return None
    age_seconds = now.timestamp() - pending.begun_at
    return pending if -60 < age_seconds < LIFE.total_seconds() else None


def safe_path(asked: str | None) -> str:
    """Return the page of ours that `asked` names, else the first one: never a foreign address.

    Browsers read `\\` as `/`, leave out line breaks and tabs, and take `//` for another host.
    """
    if asked is None or len(asked) > _LONGEST_PATH or not asked.isprintable():
        return "/"
    path = asked.replace("\\", "/")
    try:
        parts = urlsplit(path)
    except ValueError:
        return "/"
    is_ours = path.startswith("/") and not path.startswith("//")
    return asked if is_ours and path == asked and not (parts.scheme or parts.netloc) else "/"
