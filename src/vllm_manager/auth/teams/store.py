"""Queries on teams; every call runs in its caller's session."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth.tables import Key, Team, TeamMember, User


async def by_id(session: AsyncSession, team_id: str) -> Team | None:
    return await session.get(Team, team_id)


async def id_of(session: AsyncSession, name: str) -> str | None:
    return await session.scalar(select(Team.id).where(Team.name == name))


async def page(session: AsyncSession, limit: int, after_name: str | None) -> Sequence[Team]:
    """Return up to `limit` teams by name, after `after_name`."""
    query = select(Team).order_by(Team.name).limit(limit)
    if after_name is not None:
        query = query.where(Team.name > after_name)
    return (await session.scalars(query)).all()


async def members(
    session: AsyncSession, team_ids: Collection[str]
) -> Mapping[str, Sequence[tuple[TeamMember, User]]]:
    """Return who is in these teams, the longest membership first."""
    query = select(TeamMember, User).join(User, User.id == TeamMember.user_id)
    query = query.where(TeamMember.team_id.in_(team_ids))
    found: defaultdict[str, list[tuple[TeamMember, User]]] = defaultdict(list)
    for member, user in await session.execute(query.order_by(TeamMember.since, User.username)):
        found[member.team_id].append((member, user))
    return found


async def user_exists(session: AsyncSession, user_id: str) -> bool:
    return await session.get(User, user_id) is not None


async def membership(session: AsyncSession, team_id: str, user_id: str) -> TeamMember | None:
    return await session.get(TeamMember, (team_id, user_id))


async def key_names(session: AsyncSession, team_id: str) -> Sequence[str]:
    """Return the names of the team's keys that were not revoked."""
    query = select(Key.name).where(Key.team_id == team_id, Key.revoked_at.is_(None))
    return (await session.scalars(query.order_by(Key.name))).all()


async def remove(session: AsyncSession, team: Team) -> None:
    """Delete a team; its members stay users, and keys that were revoked lose it."""
    await session.execute(update(Key).where(Key.team_id == team.id).values(team_id=None))
    await session.execute(delete(TeamMember).where(TeamMember.team_id == team.id))
    await session.delete(team)
