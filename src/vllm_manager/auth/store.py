"""Reads and writes the tables of access."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth.tables import Key, LoginSession, TeamMember, User


async def user_by_name(session: AsyncSession, username: str) -> User | None:
    return await session.scalar(select(User).where(User.username == username))


async def key_by_fingerprint(session: AsyncSession, fingerprint: str) -> Key | None:
    return await session.scalar(select(Key).where(Key.fingerprint == fingerprint))


async def live_key(
    session: AsyncSession, fingerprint: str, now: datetime
) -> tuple[Key, User] | None:
    """Return the key that is neither revoked nor expired, with its user, if there is one."""
    rows = await session.execute(
        select(Key, User)
        .join(User, User.id == Key.user_id)
        .where(Key.fingerprint == fingerprint, *_key_in_force(now))
    )
    row = rows.first()
    return None if row is None else (row[0], row[1])


async def live_session(
    session: AsyncSession, fingerprint: str, now: datetime
) -> tuple[LoginSession, User] | None:
    """Return the login that has not expired, with its user, if there is one."""
    rows = await session.execute(
        select(LoginSession, User)
        .join(User, User.id == LoginSession.user_id)
        .where(LoginSession.fingerprint == fingerprint, *_session_in_force(now))
    )
    row = rows.first()
    return None if row is None else (row[0], row[1])


async def is_key_live(session: AsyncSession, key_id: str, now: datetime) -> bool:
    query = select(Key.id).join(User, User.id == Key.user_id)
    return await session.scalar(query.where(Key.id == key_id, *_key_in_force(now))) is not None


async def is_session_live(session: AsyncSession, session_id: str, now: datetime) -> bool:
    query = select(LoginSession.id).join(User, User.id == LoginSession.user_id)
    in_force = _session_in_force(now)
    return await session.scalar(query.where(LoginSession.id == session_id, *in_force)) is not None


async def keys_in_force(session: AsyncSession, now: datetime) -> Sequence[tuple[Key, str]]:
    """Return the keys in force, each with its user's role."""
    query = select(Key, User.role).join(User, User.id == Key.user_id).where(*_key_in_force(now))
    return [(row[0], row[1]) for row in await session.execute(query)]


async def sessions_in_force(
    session: AsyncSession, now: datetime
) -> Sequence[tuple[LoginSession, str]]:
    """Return the logins in force, each with its user's role."""
    query = select(LoginSession, User.role).join(User, User.id == LoginSession.user_id)
    rows = await session.execute(query.where(*_session_in_force(now)))
    return [(row[0], row[1]) for row in rows]


async def team_of(session: AsyncSession, user_id: str) -> str | None:
    """Return the team that the user has been in the longest."""
    query = select(TeamMember.team_id).where(TeamMember.user_id == user_id)
    return await session.scalar(query.order_by(TeamMember.since, TeamMember.team_id).limit(1))


async def teams_of_all(session: AsyncSession) -> dict[str, str]:
    """Return for every user who is in a team the one that they have been in the longest."""
    query = select(TeamMember.user_id, TeamMember.team_id)
    rows = await session.execute(query.order_by(TeamMember.since.desc(), TeamMember.team_id.desc()))
    return {row[0]: row[1] for row in rows}


async def extend(session: AsyncSession, session_id: str, now: datetime, until: datetime) -> None:
    await session.execute(
        update(LoginSession)
        .where(LoginSession.id == session_id)
        .values(extended_at=now, expires_at=until)
    )


async def end(session: AsyncSession, session_id: str) -> None:
    await session.execute(delete(LoginSession).where(LoginSession.id == session_id))


async def prune(session: AsyncSession, now: datetime) -> None:
    """Delete the logins that have expired."""
    await session.execute(delete(LoginSession).where(LoginSession.expires_at <= now))


def _key_in_force(now: datetime) -> tuple[ColumnElement[bool], ...]:
    unexpired = or_(Key.expires_at.is_(None), Key.expires_at > now)
    return Key.revoked_at.is_(None), unexpired, User.disabled_at.is_(None)


def _session_in_force(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return LoginSession.expires_at > now, User.disabled_at.is_(None)
