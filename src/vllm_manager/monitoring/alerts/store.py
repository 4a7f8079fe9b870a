"""Reads and writes alerts, silences, receivers and what is to be delivered."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.monitoring.alerts.schemas import State
from vllm_manager.monitoring.alerts.tables import AlertRow, DeliveryRow, ReceiverRow, SilenceRow


async def alert(session: AsyncSession, alert_id: str) -> AlertRow | None:
    return await session.get(AlertRow, alert_id)


async def active(session: AsyncSession) -> Sequence[AlertRow]:
    """Return every alert that is on, the newest first."""
    query = select(AlertRow).where(AlertRow.active_key.is_not(None)).order_by(AlertRow.id.desc())
    return (await session.scalars(query)).all()


async def page(
    session: AsyncSession, state: State, before: str | None, limit: int
) -> Sequence[AlertRow]:
    """Return alerts, the newest first, older than the one called `before`."""
    query = select(AlertRow)
    if state != "all":
        is_on = AlertRow.active_key.is_not(None)
        query = query.where(is_on if state == "active" else ~is_on)
    if before is not None:
        query = query.where(AlertRow.id < before)
    return (await session.scalars(query.order_by(AlertRow.id.desc()).limit(limit))).all()


async def forget(session: AsyncSession, before: datetime) -> None:
    """Delete alerts and silences that were over before then."""
    await session.execute(delete(AlertRow).where(AlertRow.resolved_at < before))
    await session.execute(delete(SilenceRow).where(SilenceRow.ends_at < before))


async def silences(session: AsyncSession, now: datetime) -> Sequence[SilenceRow]:
    """Return the silences in force, those that end first at the front."""
    query = select(SilenceRow).where(SilenceRow.ends_at > now)
    return (await session.scalars(query.order_by(SilenceRow.ends_at, SilenceRow.id))).all()


async def silence(session: AsyncSession, silence_id: str) -> SilenceRow | None:
    return await session.get(SilenceRow, silence_id)


async def receivers(session: AsyncSession) -> Sequence[ReceiverRow]:
    return (await session.scalars(select(ReceiverRow).order_by(ReceiverRow.name))).all()


async def receiver(session: AsyncSession, receiver_id: str) -> ReceiverRow | None:
    return await session.get(ReceiverRow, receiver_id)


async def receiver_named(session: AsyncSession, name: str) -> ReceiverRow | None:
    return await session.scalar(select(ReceiverRow).where(ReceiverRow.name == name))


async def waiting(session: AsyncSession) -> Mapping[str, int]:
    """Return how many messages each receiver is owed."""
    query = select(DeliveryRow.receiver_id, func.count()).group_by(DeliveryRow.receiver_id)
    rows = (await session.execute(query)).all()
    return {row[0]: row[1] for row in rows}


async def due(
    session: AsyncSession, now: datetime, limit: int
) -> list[tuple[DeliveryRow, AlertRow, ReceiverRow]]:
    """Return what is to be delivered now, the oldest first."""
    query = (
        select(DeliveryRow, AlertRow, ReceiverRow)
        .join(AlertRow, AlertRow.id == DeliveryRow.alert_id)
        .join(ReceiverRow, ReceiverRow.id == DeliveryRow.receiver_id)
        .where(DeliveryRow.due_at <= now, ReceiverRow.is_enabled)
        .order_by(DeliveryRow.id)
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in (await session.execute(query)).all()]


async def delivery(session: AsyncSession, delivery_id: str) -> DeliveryRow | None:
    return await session.get(DeliveryRow, delivery_id)
