"""Who may make and change which keys."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth import store as access_store
from vllm_manager.auth.keys import store
from vllm_manager.auth.keys.store import Found
from vllm_manager.auth.schemas import Principal
from vllm_manager.auth.tables import Key, User
from vllm_manager.kit.errors import FieldError, Problem, invalid, not_found

MOST_KEYS = 100


async def visible(session: AsyncSession, principal: Principal, key_id: str) -> Found:
    """Return a key that the principal may know of: an own one, or any for an administrator.

    Raises:
        Problem: `key_not_found` (404), the same for keys of others and keys that never were.
    """
    found = await store.key(session, key_id)
    if found is None or (principal.role != "administrator" and found.owner.id != principal.user_id):
        raise not_found("key", key_id)
    return found


async def require_maker(session: AsyncSession, principal: Principal) -> Key | None:
    """Refuse those who may make and change no keys; return the key that was used to ask, if any.

    Else a key that was given to a program for one model could make itself one for all.

    Raises:
        Problem: `key_restricted`, `service_account_keys` (403).
    """
    maker = await store.user(session, principal.user_id)
    if maker is not None and maker.kind == "service" and principal.role != "administrator":
        raise Problem(
            "service_account_keys",
            "The keys of a service account are made and changed by administrators. Ask one.",
            status=403,
        )
    used = await store.key(session, principal.key_id) if principal.key_id else None
    if used is None:
        return None
    if used.key.models is not None or used.key.addresses is not None:
        raise Problem(
            "key_restricted",
            "The key that this was asked with is only for some models or from some addresses, so "
            "it can't make or change keys and limits. Log in, or use a key without restrictions.",
            status=403,
        )
    return used.key


async def require_room(session: AsyncSession, user_id: str, now: datetime) -> None:
    """Refuse a person who has as many keys as one may have.

    Raises:
        Problem: `too_many_keys` (409).
    """
    if await store.count_in_force(session, user_id, now) >= MOST_KEYS:
        raise Problem(
            "too_many_keys",
            f"You have {MOST_KEYS} keys that work, which is the most a person may make. Revoke "
            "those that are not used any more, or ask an administrator.",
            status=409,
        )


def require_active(key: Key, now: datetime, *, may_be_expired: bool = False) -> None:
    """Refuse a key that is over.

    Raises:
        Problem: `key_revoked`, `key_replaced`, `key_expired` (409).
    """
    if key.revoked_at is not None:
        raise Problem("key_revoked", "This key was revoked. Make a new one.", status=409)
    if key.replaced_by_id is not None:
        raise Problem(
            "key_replaced",
            f"This key was rotated to {key.replaced_by_id}. Change or rotate that one.",
            status=409,
        )
    if not may_be_expired and key.expires_at is not None and key.expires_at <= now:
        raise Problem("key_expired", "This key has expired. Make a new one.", status=409)


async def owner_of_new(session: AsyncSession, principal: Principal, name: str | None) -> User:
    """Return the user that a new key is for.

    Raises:
        Problem: `forbidden` (403) for others' keys; `invalid_request` (422) for nobody's.
    """
    own = name in (None, principal.user_id, principal.username)
    if not own and principal.role != "administrator":
        raise Problem("forbidden", "Only an administrator makes keys for others.", status=403)
    owner = await store.user(session, principal.user_id if own else name or "")
    if owner is None or owner.disabled_at is not None:
        message = f"There is no user called “{name}”, or they are disabled."
        raise invalid([FieldError(field="owner", message=message)])
    return owner


async def team_of_new(
    session: AsyncSession, principal: Principal, owner: User, name: str | None
) -> str | None:
    """Return the id of the team that a new key counts for.

    Raises:
        Problem: `invalid_request` (422) for a team that is not there, or not the owner's.
    """
    if name is None:
        return await access_store.team_of(session, owner.id)
    team = await store.team(session, name)
    if team is not None and (
        principal.role == "administrator" or await store.is_member(session, team.id, owner.id)
    ):
        return team.id
    message = f"There is no team called “{name}” that {owner.username} belongs to."
    raise invalid([FieldError(field="team", message=message)])
