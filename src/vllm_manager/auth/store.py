"""Credentials in the database: who a key, a login or a one-time link stands for."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth.schemas import TeamRef
from vllm_manager.auth.tables import (
    FailedLogin,
    Key,
    LoginSession,
    OneTimeLink,
    Team,
    TeamMember,
    User,
)


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


async def role_of_key(session: AsyncSession, key_id: str, now: datetime) -> str | None:
    """Return the role of the user of a key in force; None where it is not."""
    query = select(User.role).join(Key, User.id == Key.user_id)
    return await session.scalar(query.where(Key.id == key_id, *_key_in_force(now)))


async def role_of_session(session: AsyncSession, session_id: str, now: datetime) -> str | None:
    """Return the role of the user of a login in force; None where it is not."""
    query = select(User.role).join(LoginSession, User.id == LoginSession.user_id)
    return await session.scalar(query.where(LoginSession.id == session_id, *_session_in_force(now)))


async def team_of(session: AsyncSession, user_id: str) -> str | None:
    """Return the team that the user has been in the longest."""
    query = select(TeamMember.team_id).where(TeamMember.user_id == user_id)
    return await session.scalar(query.order_by(TeamMember.since, TeamMember.team_id).limit(1))


async def teams_of(session: AsyncSession, user_ids: Collection[str]) -> Mapping[str, list[TeamRef]]:
    """Return the teams of these users, each the longest membership first."""
    query = select(TeamMember.user_id, Team.id, Team.name).join(Team, Team.id == TeamMember.team_id)
    query = query.where(TeamMember.user_id.in_(user_ids))
    teams: defaultdict[str, list[TeamRef]] = defaultdict(list)
    for user_id, team_id, name in await session.execute(
        query.order_by(TeamMember.since, TeamMember.team_id)
    ):
        teams[user_id].append(TeamRef(id=team_id, name=name))
    return teams


async def sessions_of(session: AsyncSession, user_id: str, now: datetime) -> Sequence[LoginSession]:
    """Return a user's logins in force, the last seen first."""
    query = select(LoginSession).join(User, User.id == LoginSession.user_id)
    query = query.where(LoginSession.user_id == user_id, *_session_in_force(now))
    return (await session.scalars(query.order_by(LoginSession.last_seen_at.desc()))).all()


async def see(
    session: AsyncSession, session_id: str, now: datetime, address: str, user_agent: str
) -> None:
    """Note when, from where and with what a login was used last."""
    await session.execute(
        update(LoginSession)
        .where(LoginSession.id == session_id)
        .values(last_seen_at=now, address=address, user_agent=user_agent)
    )


async def extend(session: AsyncSession, session_id: str, now: datetime, until: datetime) -> None:
    await session.execute(
        update(LoginSession)
        .where(LoginSession.id == session_id)
        .values(extended_at=now, expires_at=until)
    )


async def end(session: AsyncSession, session_id: str, user_id: str | None = None) -> bool:
    """End a login, of this user if one is named; return whether there was one."""
    query = delete(LoginSession).where(LoginSession.id == session_id)
    if user_id is not None:
        query = query.where(LoginSession.user_id == user_id)
    ended = await session.scalars(query.returning(LoginSession.id))
    return ended.first() is not None


async def end_by_fingerprint(session: AsyncSession, fingerprint: str) -> None:
    await session.execute(delete(LoginSession).where(LoginSession.fingerprint == fingerprint))


async def end_all(session: AsyncSession, user_id: str, but: str | None = None) -> int:
    """End a user's logins, all or all but one; return how many there were."""
    query = delete(LoginSession).where(LoginSession.user_id == user_id)
    if but is not None:
        query = query.where(LoginSession.id != but)
    return len((await session.scalars(query.returning(LoginSession.id))).all())


async def open_link(
    session: AsyncSession, fingerprint: str, now: datetime
) -> tuple[OneTimeLink, User] | None:
    """Return the link that was neither used nor has expired, with its user, if there is one."""
    query = select(OneTimeLink, User).join(User, User.id == OneTimeLink.user_id)
    in_force = (OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
    enabled = User.disabled_at.is_(None)
    rows = await session.execute(
        query.where(OneTimeLink.fingerprint == fingerprint, enabled, *in_force)
    )
    row = rows.first()
    return None if row is None else (row[0], row[1])


async def open_links(
    session: AsyncSession, kind: str, now: datetime
) -> Sequence[tuple[OneTimeLink, User]]:
    """Return the links of a kind that were neither used nor have expired, oldest first."""
    query = select(OneTimeLink, User).join(User, User.id == OneTimeLink.user_id)
    in_force = (OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
    rows = await session.execute(
        query.where(OneTimeLink.kind == kind, *in_force).order_by(OneTimeLink.id)
    )
    return [(row[0], row[1]) for row in rows]


async def drop_links(session: AsyncSession, user_id: str) -> None:
    """Make a user's links that were not used worthless."""
    unused = OneTimeLink.used_at.is_(None)
    await session.execute(delete(OneTimeLink).where(OneTimeLink.user_id == user_id, unused))


async def failures(
    session: AsyncSession, subjects: Collection[str], since: datetime, until: datetime
) -> Sequence[FailedLogin]:
    """Return the failed logins of these subjects within a span, oldest first."""
    query = select(FailedLogin).where(
        FailedLogin.subject.in_(subjects),
        FailedLogin.failed_at > since,
        FailedLogin.failed_at <= until,
    )
    return (await session.scalars(query.order_by(FailedLogin.failed_at, FailedLogin.id))).all()


async def take_back(session: AsyncSession, failure_ids: Collection[str]) -> None:
    await session.execute(delete(FailedLogin).where(FailedLogin.id.in_(failure_ids)))


async def prune(session: AsyncSession, now: datetime, kept: timedelta) -> None:
    """Delete the logins that have expired, and links and failed logins that are older still."""
    await session.execute(delete(LoginSession).where(LoginSession.expires_at <= now))
    await session.execute(delete(OneTimeLink).where(OneTimeLink.expires_at <= now - kept))
    await session.execute(delete(FailedLogin).where(FailedLogin.failed_at <= now - kept))


def _key_in_force(now: datetime) -> tuple[ColumnElement[bool], ...]:
    unexpired = or_(Key.expires_at.is_(None), Key.expires_at > now)
    return Key.revoked_at.is_(None), unexpired, User.disabled_at.is_(None)


def _session_in_force(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return LoginSession.expires_at > now, User.disabled_at.is_(None)
