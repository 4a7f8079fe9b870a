"""Keys: made, shown once, changed, rotated and revoked."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth.keys import store
from vllm_manager.auth.keys.permits import (
    owner_of_new,
    require_active,
    require_maker,
    require_room,
    team_of_new,
    visible,
)
from vllm_manager.auth.keys.rules import (
    expiry_errors,
    networks,
    outlives,
    overlap_errors,
    priority_errors,
    raised,
    state_of,
)
from vllm_manager.auth.keys.schemas import (
    NO_LIMITS,
    PREFIX,
    EndingKey,
    KeyChange,
    KeyRequest,
    KeyRotation,
    KeyTeam,
    KeyView,
    Limits,
    NewKey,
    Owner,
    Priority,
)
from vllm_manager.auth.keys.store import Found
from vllm_manager.auth.schemas import Kind, Principal
from vllm_manager.auth.tables import Key
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import FieldError, invalid
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.paging import Page, cut, decode_cursor
from vllm_manager.kit.secrets import fingerprint, new_token

OVERLAP = timedelta(hours=24)
MOST_OVERLAP = timedelta(days=30)
_NOTE_EVERY = timedelta(minutes=1)
_ENDING_TOLD = 3
_OWN_WAYS = frozenset({"limits", "addresses", "priority"})
"""What is not simply written as it is asked for."""


class KeyLimits(Protocol):
    """Keeps the limits of keys, within the transaction that the keys are changed in."""

    async def of(self, session: AsyncSession, key_ids: Sequence[str]) -> Mapping[str, Limits]:
        """Return the limits of those of the keys that have any."""
        ...

    async def put(self, session: AsyncSession, key_id: str, limits: Limits) -> None:
        """Put `limits` in the place of the key's; empty ones take them away."""
        ...


class Keys:
    """Every key of everybody. `changed` is called after each change of what is in force.

    A person who may not see a key is told that there is none.
    """

    def __init__(
        self, database: Database, clock: Clock, limits: KeyLimits, changed: Callable[[], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits
        self._changed = changed
        self._noted: dict[str, datetime] = {}
        self._before: dict[str, list[str] | None] = {}

    async def page(
        self,
        principal: Principal,
        owner: str | None,
        team: str | None,
        cursor: str | None,
        limit: int,
    ) -> Page[KeyView]:
        """Return keys, the newest first: everybody's to administrators, else one's own."""
        before = decode_cursor(cursor)
        async with self._database.read() as session:
            if principal.role != "administrator":
                if owner not in (None, principal.user_id, principal.username):
                    return Page(items=[], next_cursor=None)
                owner = principal.user_id
            rows = await store.page(session, owner, team, before, limit + 1)
            views = await self._views(session, rows)
        items, next_cursor = cut(views, limit, [view.id for view in views])
        return Page(items=items, next_cursor=next_cursor)

    async def get(self, principal: Principal, key_id: str) -> KeyView:
        """Return a key.

        Raises:
            Problem: `key_not_found` (404).
        """
        async with self._database.read() as session:
            found = await visible(session, principal, key_id)
            [view] = await self._views(session, [found])
        return view

    async def create(self, principal: Principal, asked: KeyRequest) -> NewKey:
        """Make a key and return it, for the only time.

        Raises:
            Problem: `key_restricted`, `service_account_keys` or `forbidden` (403) for those who may
                not make it; `too_many_keys` (409); `invalid_request` (422).
        """
        now = self._clock.now()
        addresses, errors = networks(asked.addresses)
        errors += expiry_errors(asked.expires_at, now)
        errors += priority_errors(principal.role, "normal", asked.priority)
        async with self._database.unit_of_work() as session:
            mine = await require_maker(session, principal)
            owner = await owner_of_new(session, principal, asked.owner)
            team_id = await team_of_new(session, principal, owner, asked.team)
            if principal.role != "administrator":
                errors += outlives(mine.expires_at if mine else None, asked.expires_at)
                await require_room(session, owner.id, now)
            if errors:
                raise invalid(errors)
            secret, new = _new_key(
                user_id=owner.id,
                team_id=team_id,
                name=asked.name,
                models=asked.models,
                addresses=addresses,
                management=asked.management,
                priority=asked.priority,
                created_by=principal.user_id,
                created_at=now,
                expires_at=asked.expires_at,
            )
            made = NewKey(secret=secret, key=await self._add(session, new, asked.limits))
        self._changed()
        return made

    async def change(self, principal: Principal, key_id: str, asked: KeyChange) -> KeyView:
        """Change what is given, and return the key as it is now.

        Raises:
            Problem: `key_not_found` (404); `key_revoked` (409); `key_restricted`,
                `service_account_keys` (403); `invalid_request` (422).
        """
        given = asked.model_fields_set
        values = {name: getattr(asked, name) for name in given - _OWN_WAYS}
        addresses, errors = networks(asked.addresses)
        if "name" in given and asked.name is None:
            errors.append(FieldError(field="name", message="A key needs a name."))
        if "addresses" in given:
            values["addresses"] = addresses
        errors += expiry_errors(asked.expires_at, self._clock.now())
        async with self._database.unit_of_work() as session:
            found = await visible(session, principal, key_id)
            mine = await require_maker(session, principal)
            require_active(found.key, self._clock.now(), may_be_expired=True)
            if "expires_at" in given and principal.role != "administrator":
                errors += outlives(mine.expires_at if mine else None, asked.expires_at)
            if asked.priority is not None:
                old = cast("Priority", found.key.priority)
                errors += priority_errors(principal.role, old, asked.priority)
                values["priority"] = asked.priority
            if asked.limits is not None:
                errors += await self._lower(session, principal, key_id, asked.limits)
            if errors:
                raise invalid(errors)
            if "management" not in given and not found.key.manages:
                values["management"] = False  # other models open no more
            for name, value in values.items():
                setattr(found.key, name, value)
            [view] = await self._views(session, [found])
        self._changed()
        return view

    async def rotate(self, principal: Principal, key_id: str, asked: KeyRotation) -> NewKey:
        """Make a new key in the place of one that works on for a while, and return it once.

        The new one has its name, team, models, addresses, priority and limits; what was used of a
        quota counts for it too.

        Raises:
            Problem: `key_not_found` (404); `key_revoked`, `key_expired`, `key_replaced`,
                `too_many_keys` (409); `key_restricted`, `service_account_keys` (403);
                `invalid_request` (422).
        """
        now = self._clock.now()
        old_until = asked.old_until or now + OVERLAP
        async with self._database.unit_of_work() as session:
            found = await visible(session, principal, key_id)
            mine = await require_maker(session, principal)
            old = found.key
            require_active(old, now)
            expires_at = asked.expires_at or old.expires_at
            errors = expiry_errors(asked.expires_at, now)
            errors += expiry_errors(asked.old_until, now, "old_until")
            errors += overlap_errors(asked.old_until, now + MOST_OVERLAP)
            if principal.role != "administrator":
                await require_room(session, old.user_id, now)
                errors += outlives(mine.expires_at if mine else None, expires_at)
            if errors:
                raise invalid(errors)
            secret, new = _new_key(
                user_id=old.user_id,
                team_id=old.team_id,
                name=old.name,
                models=old.models,
                addresses=old.addresses,
                management=old.management,
                priority=old.priority,
                created_by=principal.user_id,
                created_at=now,
                expires_at=expires_at,
            )
            limits = (await self._limits.of(session, [key_id])).get(key_id, NO_LIMITS)
            made = NewKey(secret=secret, key=await self._add(session, new, limits))
            old.replaced_by_id = new.id
            old.expires_at = min(old_until, old.expires_at or old_until)
        self._changed()
        return made

    async def revoke(self, principal: Principal, key_id: str) -> KeyView:
        """End a key at once, everywhere. One that was revoked before stays as it is.

        Raises:
            Problem: `key_not_found` (404).
        """
        async with self._database.unit_of_work() as session:
            found = await visible(session, principal, key_id)
            found.key.revoked_at = found.key.revoked_at or self._clock.now()
            [view] = await self._views(session, [found])
        self._changed()
        return view

    async def require_maker(self, principal: Principal) -> None:
        """Refuse those who may make and change no keys and limits.

        Raises:
            Problem: `key_restricted`, `service_account_keys` (403).
        """
        async with self._database.read() as session:
            await require_maker(session, principal)

    async def note_used(self, used: Mapping[str, datetime]) -> None:
        """Remember when keys were last used; each is written at most once a minute."""
        due = {
            key_id: at
            for key_id, at in used.items()
            if key_id not in self._noted or at - self._noted[key_id] >= _NOTE_EVERY
        }
        if not due:
            return
        async with self._database.unit_of_work() as session:
            await store.note_used(session, due)
        self._noted.update(due)

    async def ending(self, within: timedelta) -> tuple[int, Sequence[EndingKey]]:
        """Return how many keys in force end within that time, and those that do so first.

        One that was rotated is seen to, though it works on for a while.
        """
        now = self._clock.now()
        async with self._database.read() as session:
            count, first = await store.ending(session, now, now + within, _ENDING_TOLD)
        return count, [_ending(found) for found in first]

    async def predecessors(self, key_ids: Sequence[str]) -> dict[str, list[str]]:
        """Return for keys the ids of those that were rotated, one after another, to it.

        They never change, so each key is looked up once.
        """
        unknown = [key_id for key_id in key_ids if key_id not in self._before]
        if unknown:
            async with self._database.read() as session:
                found = await store.predecessors(session, unknown)
            self._before.update({key_id: found.get(key_id) for key_id in unknown})
        return {key_id: ids for key_id in key_ids if (ids := self._before[key_id])}

    async def _add(self, session: AsyncSession, new: Key, limits: Limits) -> KeyView:
        session.add(new)
        await session.flush()
        await self._limits.put(session, new.id, limits)
        found = await store.key(session, new.id)
        assert found is not None
        [view] = await self._views(session, [found])
        return view

    async def _lower(
        self, session: AsyncSession, principal: Principal, key_id: str, limits: Limits
    ) -> list[FieldError]:
        """Put other limits in force, or say what of them only an administrator may do."""
        if principal.role != "administrator":
            old = (await self._limits.of(session, [key_id])).get(key_id, NO_LIMITS)
            errors = raised(old, limits)
            if errors:
                return errors
        await self._limits.put(session, key_id, limits)
        return []

    async def _views(self, session: AsyncSession, rows: Sequence[Found]) -> list[KeyView]:
        limits = await self._limits.of(session, [row.key.id for row in rows])
        now = self._clock.now()
        return [_view(row, limits.get(row.key.id, NO_LIMITS), now) for row in rows]


def _ending(found: Found) -> EndingKey:
    one = found.key
    assert one.expires_at is not None
    return EndingKey(one.id, one.name, found.owner.username, one.created_at, one.expires_at)


def _new_key(**values: Any) -> tuple[str, Key]:
    """Return a new secret and the row that knows only its fingerprint."""
    secret = new_token(PREFIX)
    row = Key(id=new_id("key"), fingerprint=fingerprint(secret), last_four=secret[-4:], **values)
    return secret, row


def _view(found: Found, limits: Limits, now: datetime) -> KeyView:
    key, owner, team = found
    kind = cast("Kind", owner.kind)
    return KeyView(
        id=key.id,
        name=key.name,
        hint=f"{PREFIX}…{key.last_four}",
        state=state_of(now, key.revoked_at, key.expires_at, key.replaced_by_id),
        owner=Owner(id=owner.id, username=owner.username, kind=kind),
        team=KeyTeam(id=team.id, name=team.name) if team else None,
        models=key.models,
        addresses=key.addresses,
        management=key.manages,
        priority=cast("Priority", key.priority),
        limits=limits,
        created_by=key.created_by,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
        replaced_by=key.replaced_by_id,
    )
