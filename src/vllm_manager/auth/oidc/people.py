"""Decides what a provider's word on a person means here: their role, their name. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from vllm_manager.auth.schemas import ROLES, Role

_LONGEST_NAME: Final = 64
_LONGEST_EMAIL: Final = 254
_ROOM_FOR_NUMBER: Final = 7
_UNFIT: Final = re.compile(r"[^a-z0-9._@-]+")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")


def role_of(
    claims: Mapping[str, Any],
    groups_claim: str,
    roles: Mapping[str, Role],
    default_role: Role | None,
) -> Role | None:
    """Return the most that any of the person's groups gives, else `default_role`."""
    given = {roles[group] for group in groups_of(claims, groups_claim) if group in roles}
    for role in ROLES:  # the one that may do most comes first
        if role in given:
            return role
    return default_role


def groups_of(claims: Mapping[str, Any], name: str) -> list[str]:
    """Return the groups in the claim `name`: a list, or one alone.

    A name with dots that is no claim itself leads inwards: `realm_access.roles`.
    """
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = cast("dict[str, Any]", found).get(part) if isinstance(found, dict) else None
    if isinstance(found, str):
        return [found]
    if not isinstance(found, list):
        return []
    return [group for group in cast("list[Any]", found) if isinstance(group, str)]


def email_of(claims: Mapping[str, Any]) -> str | None:
    """Return the e-mail address, where there is one that the provider does not doubt."""
    email = claims.get("email")
    is_one = isinstance(email, str) and len(email) <= _LONGEST_EMAIL and _EMAIL.fullmatch(email)
    return email if is_one and claims.get("email_verified") is not False else None


def names_of(claims: Mapping[str, Any]) -> Iterator[str]:
    """Yield user names for a new person, the best first, without end: the first free one is taken.

    A name that somebody has already is never shared, whatever the provider says.
    """
    wanted = [_fitting(claims.get("preferred_username")), _fitting(email_of(claims))]
    names = list(dict.fromkeys(name for name in wanted if name)) or ["person"]
    yield from names
    stem = names[0][: _LONGEST_NAME - _ROOM_FOR_NUMBER].rstrip("._@-")
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1


def _fitting(value: object) -> str | None:
    """Return `value` as a user name (lower-case letters, digits and `._@-`); None without any."""
    if not isinstance(value, str):
        return None
    name = _UNFIT.sub("-", value.strip().lower())
    return name.lstrip("._@-")[:_LONGEST_NAME].rstrip("._@-") or None
