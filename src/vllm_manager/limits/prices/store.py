"""Reads and writes the table of prices."""

from collections.abc import Sequence

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.limits.prices.tables import UsagePrice


async def page(
    session: AsyncSession, model: str | None, after: tuple[str, int] | None, limit: int
) -> Sequence[UsagePrice]:
    """Return prices by model, the newest of each first."""
    query = select(UsagePrice)
    if model is not None:
        query = query.where(UsagePrice.model == model)
    if after is not None:
        older = and_(UsagePrice.model == after[0], UsagePrice.first_day < after[1])
        query = query.where(or_(UsagePrice.model > after[0], older))
    query = query.order_by(UsagePrice.model, UsagePrice.first_day.desc()).limit(limit)
    return (await session.scalars(query)).all()


async def put(session: AsyncSession, price: UsagePrice) -> None:
    """Write a price in the place of the model's of the same day."""
    await session.merge(price)


async def remove(session: AsyncSession, model: str, first_day: int | None) -> None:
    """Delete the price that begins on a day; None: every one of the model."""
    statement = delete(UsagePrice).where(UsagePrice.model == model)
    if first_day is not None:
        statement = statement.where(UsagePrice.first_day == first_day)
    await session.execute(statement)


async def current(
    session: AsyncSession, models: Sequence[str], today: int
) -> frozenset[tuple[str, int]]:
    """Return the model and first day of each price that counts today."""
    query = select(UsagePrice.model, func.max(UsagePrice.first_day))
    query = query.where(UsagePrice.model.in_(models), UsagePrice.first_day <= today)
    rows = await session.execute(query.group_by(UsagePrice.model))
    return frozenset((row[0], row[1]) for row in rows)
