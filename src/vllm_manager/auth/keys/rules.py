"""What keys must be like, decided without looking anything up."""

import ipaddress
from collections.abc import Sequence
from datetime import datetime

from vllm_manager.auth.keys.schemas import Limits, Priority, State
from vllm_manager.auth.schemas import Role
from vllm_manager.kit.errors import FieldError


def networks(given: Sequence[str] | None) -> tuple[list[str] | None, list[FieldError]]:
    """Return the networks in their usual form, each once, and what is wrong with the others."""
    if given is None:
        return None, []
    found: dict[str, None] = {}
    errors: list[FieldError] = []
    for place, text in enumerate(given):
        try:
            found[str(ipaddress.ip_network(text.strip(), strict=False))] = None
        except ValueError:
            message = f"“{text}” is no network. Write it as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32."
            errors.append(FieldError(field=f"addresses.{place}", message=message))
    return list(found), errors


def raised(old: Limits, new: Limits) -> list[FieldError]:
    """Return an error for each figure of `new` that allows more than `old` does."""
    errors: list[FieldError] = []
    for name, was in old.model_dump().items():
        wanted = getattr(new, name)
        if was is not None and (wanted is None or wanted > was):
            message = f"It is {was}; only an administrator may allow more."
            errors.append(FieldError(field=f"limits.{name}", message=message, suggestion=str(was)))
    return errors


def priority_errors(role: Role, old: Priority, new: Priority | None) -> list[FieldError]:
    """Return an error where someone puts requests before those of others who may not."""
    if new != "high" or old == "high" or role in ("administrator", "operator"):
        return []
    message = "Only an operator or an administrator gives a key high priority."
    return [FieldError(field="priority", message=message, suggestion="normal")]


def expiry_errors(
    expires_at: datetime | None, now: datetime, field: str = "expires_at"
) -> list[FieldError]:
    """Return an error where the moment is over."""
    if expires_at is None or expires_at > now:
        return []
    return [FieldError(field=field, message=f"Must be later than now, {now:%Y-%m-%dT%H:%M:%SZ}.")]


def overlap_errors(old_until: datetime | None, latest: datetime) -> list[FieldError]:
    """Return an error where a key that was rotated would work on for longer than it may."""
    if old_until is None or old_until <= latest:
        return []
    text = latest.isoformat(timespec="seconds").replace("+00:00", "Z")
    message = f"A key that was rotated works on for 30 days at most, until {text}."
    return [FieldError(field="old_until", message=message, suggestion=text)]


def outlives(mine: datetime | None, wanted: datetime | None) -> list[FieldError]:
    """Return an error where a key made with one that ends at `mine` would last longer."""
    if mine is None or (wanted is not None and wanted <= mine):
        return []
    text = mine.isoformat().replace("+00:00", "Z")
    message = f"The key that asks for this expires at {text}; what it makes can't last longer."
    return [FieldError(field="expires_at", message=message, suggestion=text)]


def state_of(
    now: datetime,
    revoked_at: datetime | None,
    expires_at: datetime | None,
    replaced_by: str | None,
) -> State:
    """Return how a key stands."""
    if revoked_at is not None:
        return "revoked"
    if expires_at is not None and expires_at <= now:
        return "expired"
    return "active" if replaced_by is None else "replaced"
