"""Queries on deployments; every call runs in its caller's session."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.deployments.tables import DeploymentRow, EventRow, StartRow


async def all_rows(session: AsyncSession) -> Sequence[DeploymentRow]:
    """Return every deployment, by name."""
    return (await session.scalars(select(DeploymentRow).order_by(DeploymentRow.name))).all()


async def all_keys(session: AsyncSession) -> Sequence["Key"]:
    """Return the key of every deployment, by name."""
    columns = (DeploymentRow.uid, DeploymentRow.name, DeploymentRow.version)
    query = select(*columns).order_by(DeploymentRow.name)
    return [Key(*row) for row in await session.execute(query)]


async def by_uids(session: AsyncSession, uids: Sequence[str]) -> Mapping[str, DeploymentRow]:
    """Return the rows that there are of these, by uid."""
    if not uids:
        return {}
    query = select(DeploymentRow).where(DeploymentRow.uid.in_(uids))
    return {row.uid: row for row in await session.scalars(query)}


class Key(NamedTuple):
    """Enough of a row to find its view, and to know whether it changed."""

    uid: str
    name: str
    version: int


async def page(
    session: AsyncSession, limit: int, after_name: str | None, text: str | None
) -> Sequence[Key]:
    """Return up to `limit` deployments by name, after `after_name`, whose name holds `text`."""
    columns = (DeploymentRow.uid, DeploymentRow.name, DeploymentRow.version)
    query = select(*columns).order_by(DeploymentRow.name).limit(limit)
    if after_name is not None:
        query = query.where(DeploymentRow.name > after_name)
    if text:
        query = query.where(DeploymentRow.name.contains(text, autoescape=True))
    return [Key(*row) for row in await session.execute(query)]


async def specs(session: AsyncSession) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """Return name and spec of every deployment that is not being deleted."""
    query = select(DeploymentRow.name, DeploymentRow.spec).where(DeploymentRow.desired != "deleted")
    return [(name, spec) for name, spec in await session.execute(query)]


async def last_starts(session: AsyncSession) -> Mapping[str, datetime]:
    """Return when each deployment last reached ready, by uid."""
    query = select(StartRow.uid, func.max(StartRow.at)).group_by(StartRow.uid)
    return {uid: at for uid, at in await session.execute(query)}  # noqa: C416 (typed)


async def by_uid(session: AsyncSession, uid: str) -> DeploymentRow | None:
    return await session.get(DeploymentRow, uid)


async def by_name(
    session: AsyncSession, name: str, *, for_update: bool = False
) -> DeploymentRow | None:
    query = select(DeploymentRow).where(DeploymentRow.name == name)
    return await session.scalar(query.with_for_update() if for_update else query)


async def names(session: AsyncSession) -> Sequence[str]:
    return (await session.scalars(select(DeploymentRow.name).order_by(DeploymentRow.name))).all()


async def guarded_write(
    session: AsyncSession, uid: str, version: int, values: Mapping[str, Any]
) -> bool:
    """Write `values` unless somebody wrote since `version` was read; return whether it was done."""
    result = await session.execute(
        update(DeploymentRow)
        .where(DeploymentRow.uid == uid, DeploymentRow.version == version)
        .values(**values, version=version + 1)
        .execution_options(synchronize_session=False)
    )
    return _touched(result)


async def guarded_delete(session: AsyncSession, uid: str, version: int) -> bool:
    """Delete the row unless somebody wrote since `version` was read; return whether it was done."""
    result = await session.execute(
        delete(DeploymentRow).where(DeploymentRow.uid == uid, DeploymentRow.version == version)
    )
    return _touched(result)


def _touched(result: Any) -> bool:
    return isinstance(result, CursorResult) and result.rowcount == 1


async def events(
    session: AsyncSession, uid: str, limit: int, before_id: str | None
) -> Sequence[EventRow]:
    """Return up to `limit` events, newest first, older than `before_id`."""
    query = select(EventRow).where(EventRow.uid == uid).order_by(EventRow.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(EventRow.id < before_id)
    return (await session.scalars(query)).all()


async def last_phases(session: AsyncSession) -> Mapping[str, EventRow]:
    """Return the newest phase change of each deployment, by uid."""
    query = (
        select(EventRow)
        .join(DeploymentRow, DeploymentRow.uid == EventRow.uid)
        .where(EventRow.kind == "phase")
        .order_by(EventRow.id)
    )
    return {row.uid: row for row in await session.scalars(query)}


async def recent_starts(session: AsyncSession, limit: int) -> Sequence[StartRow]:
    """Return the newest starts of all deployments, newest first."""
    return (await session.scalars(select(StartRow).order_by(StartRow.id.desc()).limit(limit))).all()


async def is_untouched(session: AsyncSession) -> bool:
    """Whether no deployment was ever created here."""
    return await session.scalar(select(EventRow.id).limit(1)) is None
