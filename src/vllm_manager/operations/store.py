"""Queries on operations; every call runs in its caller's session."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.operations.schemas import OPEN_STATUSES, OperationStatus
from vllm_manager.operations.tables import IdempotencyRow, OperationRow


async def get(session: AsyncSession, operation_id: str) -> OperationRow | None:
    return await session.get(OperationRow, operation_id)


async def open_rows(session: AsyncSession, subject: str | None = None) -> Sequence[OperationRow]:
    """Return operations that have not ended, oldest first."""
    query = select(OperationRow).where(OperationRow.status.in_(OPEN_STATUSES))
    if subject is not None:
        query = query.where(OperationRow.subject == subject)
    return (await session.scalars(query.order_by(OperationRow.id))).all()


async def newest(
    session: AsyncSession, limit: int, before_id: str | None, status: OperationStatus | None
) -> Sequence[OperationRow]:
    """Return up to `limit` operations, newest first, older than `before_id`."""
    query = select(OperationRow).order_by(OperationRow.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(OperationRow.id < before_id)
    if status is not None:
        query = query.where(OperationRow.status == status)
    return (await session.scalars(query)).all()


async def find_key(session: AsyncSession, key: str, caller: str) -> IdempotencyRow | None:
    return await session.get(IdempotencyRow, (key, caller))


async def forget(session: AsyncSession, before: datetime) -> None:
    """Delete ended operations and repeat keys older than `before`."""
    ended = OperationRow.status.not_in(OPEN_STATUSES)
    await session.execute(delete(OperationRow).where(ended, OperationRow.created_at < before))
    await session.execute(delete(IdempotencyRow).where(IdempotencyRow.created_at < before))
