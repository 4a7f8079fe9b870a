"""Queries on users; every call runs in its caller's session."""

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth.tables import Key, LoginSession, OneTimeLink, Team, TeamMember, User


async def by_id(session: AsyncSession, user_id: str) -> User | None:
    return await session.get(User, user_id)


async def id_of(session: AsyncSession, username: str) -> str | None:
    return await session.scalar(select(User.id).where(User.username == username))


async def by_external_subject(session: AsyncSession, subject: str) -> User | None:
    return await session.scalar(select(User).where(User.external_subject == subject))


async def free_name(session: AsyncSession, names: Iterator[str]) -> str:
    """Return the first of `names`, which don't end, that nobody has."""
    name = next(names)
    while await id_of(session, name) is not None:
        name = next(names)
    return name


async def page(
    session: AsyncSession, limit: int, after_name: str | None, text: str | None
) -> Sequence[User]:
    """Return up to `limit` users by name, after `after_name`, with `text` in name or e-mail."""
    query = select(User).order_by(User.username).limit(limit)
    if after_name is not None:
        query = query.where(User.username > after_name)
    if text:
        in_name = User.username.contains(text, autoescape=True)
        query = query.where(or_(in_name, User.email.contains(text, autoescape=True)))
    return (await session.scalars(query)).all()


async def count_administrators(session: AsyncSession, but: str) -> int:
    """Return how many people other than `but` can log in as administrators."""
    can_log_in = or_(User.password_hash.is_not(None), User.external_subject.is_not(None))
    query = select(func.count()).select_from(User)
    found = await session.scalar(
        query.where(
            User.role == "administrator",
            User.kind == "person",
            User.disabled_at.is_(None),
            User.id != but,
            can_log_in,
        )
    )
    return found or 0


async def missing_teams(session: AsyncSession, team_ids: Collection[str]) -> Sequence[str]:
    """Return those of `team_ids` that there are not."""
    known = set(await session.scalars(select(Team.id).where(Team.id.in_(team_ids))))
    return [team_id for team_id in team_ids if team_id not in known]


async def invitation(session: AsyncSession, link_id: str) -> tuple[OneTimeLink, User] | None:
    """Return an invitation that was not used, with its user."""
    query = select(OneTimeLink, User).join(User, User.id == OneTimeLink.user_id)
    is_open = (OneTimeLink.kind == "invitation", OneTimeLink.used_at.is_(None))
    row = (await session.execute(query.where(OneTimeLink.id == link_id, *is_open))).first()
    return None if row is None else (row[0], row[1])


async def forget(session: AsyncSession, user: User) -> bool:
    """Delete a user who never came; False where keys keep them."""
    if await session.scalar(select(Key.id).where(Key.user_id == user.id).limit(1)):
        return False
    for table in (OneTimeLink, TeamMember, LoginSession):
        await session.execute(delete(table).where(table.user_id == user.id))
    await session.delete(user)
    return True
