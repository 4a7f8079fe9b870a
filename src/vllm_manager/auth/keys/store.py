"""Reads and writes keys."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth.tables import Key, Team, TeamMember, User

_MOST_IN_A_QUERY = 500


class Found(NamedTuple):
    """A key with its owner, and its team where it has one."""

    key: Key
    owner: User
    team: Team | None


def _found() -> Select[Key, User, Team]:
    query = select(Key, User, Team).join(User, User.id == Key.user_id)
    return query.outerjoin(Team, Team.id == Key.team_id)


async def key(session: AsyncSession, key_id: str) -> Found | None:
    row = (await session.execute(_found().where(Key.id == key_id))).first()
    return None if row is None else Found(*row)


async def page(
    session: AsyncSession,
    owner: str | None,
    team: str | None,
    before: str | None,
    limit: int,
) -> list[Found]:
    """Return keys, the newest first, that come after the one called `before`.

    `owner` and `team` may be ids or names.
    """
    query = _found()
    if owner is not None:
        query = query.where(or_(User.id == owner, User.username == owner))
    if team is not None:
        query = query.where(or_(Team.id == team, Team.name == team))
    if before is not None:
        query = query.where(Key.id < before)
    rows = await session.execute(query.order_by(Key.id.desc()).limit(limit))
    return [Found(*row) for row in rows]


async def user(session: AsyncSession, name: str) -> User | None:
    """Return the user of this id or name."""
    return await session.scalar(select(User).where(or_(User.id == name, User.username == name)))


async def team(session: AsyncSession, name: str) -> Team | None:
    """Return the team of this id or name."""
    return await session.scalar(select(Team).where(or_(Team.id == name, Team.name == name)))


async def is_member(session: AsyncSession, team_id: str, user_id: str) -> bool:
    return await session.get(TeamMember, (team_id, user_id)) is not None


async def count_in_force(session: AsyncSession, user_id: str, now: datetime) -> int:
    """Return how many keys of a user work now."""
    query = select(func.count()).select_from(Key).where(Key.user_id == user_id, *_in_force(now))
    return await session.scalar(query) or 0


async def note_used(session: AsyncSession, used: Mapping[str, datetime]) -> None:
    """Move the keys' last use on to these moments, never back."""
    later = or_(Key.last_used_at.is_(None), Key.last_used_at < bindparam("at"))
    statement = (
        update(Key).where(Key.id == bindparam("key_id"), later).values(last_used_at=bindparam("at"))
    )
    rows = [{"key_id": key_id, "at": at} for key_id, at in sorted(used.items())]
    await (await session.connection()).execute(statement, rows)


async def predecessors(session: AsyncSession, key_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return for each key the ids of all those that were rotated, one after another, to it."""
    found: dict[str, list[str]] = {}
    heads: dict[str, str] = {key_id: key_id for key_id in key_ids}
    while heads:
        pairs = [pair for some in _some(list(heads)) for pair in await _replaced_by(session, some)]
        heads = {old: heads[new] for old, new in pairs}
        for old, head in heads.items():
            found.setdefault(head, []).append(old)
    return found


async def _replaced_by(session: AsyncSession, key_ids: Sequence[str]) -> list[tuple[str, str]]:
    query = select(Key.id, Key.replaced_by_id).where(Key.replaced_by_id.in_(key_ids))
    rows = (await session.execute(query)).all()
    return [(old, new) for old, new in rows if new is not None]


def _some(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield as many at a time as a statement takes well."""
    for start in range(0, len(ids), _MOST_IN_A_QUERY):
        yield ids[start : start + _MOST_IN_A_QUERY]


async def ending(
    session: AsyncSession, now: datetime, until: datetime, limit: int
) -> tuple[int, Sequence[Found]]:
    """Return how many keys in force end before `until` with none in their place, and the first."""
    ends = (
        Key.revoked_at.is_(None),
        Key.replaced_by_id.is_(None),
        Key.expires_at > now,
        Key.expires_at < until,
    )
    count = await session.scalar(select(func.count()).select_from(Key).where(*ends))
    query = _found().where(*ends).order_by(Key.expires_at, Key.id).limit(limit)
    return count or 0, [Found(*row) for row in await session.execute(query)]


def _in_force(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Key.revoked_at.is_(None), or_(Key.expires_at.is_(None), Key.expires_at > now)
