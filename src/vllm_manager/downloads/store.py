"""Queries on downloads; every call runs in its caller's session."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.downloads.schemas import ACTIVE_STATES, OPEN_STATES, DownloadState
from vllm_manager.downloads.tables import DownloadFilesRow, DownloadRow


async def get(
    session: AsyncSession, download_id: str, *, for_update: bool = False
) -> DownloadRow | None:
    return await session.get(DownloadRow, download_id, with_for_update=for_update or None)


async def same(
    session: AsyncSession, repo: str, revision: str, include: list[str] | None
) -> DownloadRow | None:
    """Return the newest download of the same files that has not succeeded or been cancelled."""
    states = (*OPEN_STATES, "failed")
    query = (
        select(DownloadRow)
        .where(DownloadRow.repo == repo, DownloadRow.revision == revision)
        .where(DownloadRow.state.in_(states))
        .order_by(DownloadRow.id.desc())
    )
    return next((row for row in await session.scalars(query) if row.include == include), None)


async def newest_of(session: AsyncSession, repo: str, revision: str) -> DownloadRow | None:
    """Return the newest download of a repository's usual files at a revision or commit."""
    named = or_(DownloadRow.revision == revision, DownloadRow.commit == revision)
    query = (
        select(DownloadRow)
        .where(DownloadRow.repo == repo, named)
        .order_by(DownloadRow.id.desc())
        .limit(50)
    )
    return next((row for row in await session.scalars(query) if row.include is None), None)


async def active(session: AsyncSession) -> Sequence[DownloadRow]:
    """Return what is to run or to be swept, the next one first."""
    wanted = or_(DownloadRow.state.in_(ACTIVE_STATES), DownloadRow.needs_sweep.is_(True))
    order = (DownloadRow.priority.desc(), DownloadRow.id)
    return (await session.scalars(select(DownloadRow).where(wanted).order_by(*order))).all()


async def unended_of(session: AsyncSession, repo: str) -> Sequence[DownloadRow]:
    """Return the downloads of a repository whose partial files may be wanted again."""
    states = (*OPEN_STATES, "failed")
    query = select(DownloadRow).where(DownloadRow.repo == repo, DownloadRow.state.in_(states))
    return (await session.scalars(query)).all()


async def newest(
    session: AsyncSession, limit: int, before_id: str | None, state: DownloadState | None
) -> Sequence[DownloadRow]:
    """Return up to `limit` downloads, newest first, older than `before_id`."""
    query = select(DownloadRow).order_by(DownloadRow.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(DownloadRow.id < before_id)
    if state is not None:
        query = query.where(DownloadRow.state == state)
    return (await session.scalars(query)).all()


async def packed_files(session: AsyncSession, download_id: str) -> bytes | None:
    row = await session.get(DownloadFilesRow, download_id)
    return row.packed if row is not None else None


async def keep_files(session: AsyncSession, download_id: str, packed: bytes) -> None:
    row = await session.get(DownloadFilesRow, download_id)
    if row is None:
        session.add(DownloadFilesRow(download_id=download_id, packed=packed))
    else:
        row.packed = packed


async def forget(session: AsyncSession, before: datetime, kept: int) -> None:
    """Delete ended downloads older than `before`, all but the newest `kept`."""
    newest_ids = select(DownloadRow.id).order_by(DownloadRow.id.desc()).limit(kept)
    keep = (await session.scalars(newest_ids)).all()
    old = (
        DownloadRow.state.not_in((*OPEN_STATES, "failed")),
        DownloadRow.needs_sweep.is_(False),
        DownloadRow.finished_at < before,
        DownloadRow.id.not_in(keep),
    )
    ids = select(DownloadRow.id).where(*old)
    await session.execute(delete(DownloadFilesRow).where(DownloadFilesRow.download_id.in_(ids)))
    await session.execute(delete(DownloadRow).where(*old))
