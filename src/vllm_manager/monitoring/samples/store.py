"""Reads and writes the tables of figures."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.monitoring.samples.tables import MetricBlock, MetricMinute


async def block(session: AsyncSession, tier: int, figure: str, start: int) -> bytes | None:
    """Return one block."""
    row = await session.get(MetricBlock, (tier, figure, start))
    return None if row is None else row.data


async def blocks(
    session: AsyncSession, tier: int, figure: str, first: int, until: int
) -> Sequence[tuple[int, bytes]]:
    """Return start and data of the blocks that begin from `first` to before `until`, in order."""
    query = (
        select(MetricBlock.start, MetricBlock.data)
        .where(MetricBlock.tier == tier, MetricBlock.figure == figure)
        .where(MetricBlock.start >= first, MetricBlock.start < until)
        .order_by(MetricBlock.start)
    )
    return [(start, data) for start, data in await session.execute(query)]


async def newest(session: AsyncSession, tier: int, figure: str, until: float) -> int | None:
    """Return where the newest block of a figure begins that does so at `until` or before."""
    at_figure = (MetricBlock.tier == tier) & (MetricBlock.figure == figure)
    until_then = at_figure & (MetricBlock.start <= until)
    return await session.scalar(select(func.max(MetricBlock.start)).where(until_then))


async def is_empty(session: AsyncSession) -> bool:
    """Whether nothing was ever written."""
    known = select(MetricBlock.tier).limit(1), select(MetricMinute.start).limit(1)
    return all([await session.scalar(query) is None for query in known])


async def put_block(session: AsyncSession, tier: int, figure: str, start: int, data: bytes) -> None:
    """Write or replace a block."""
    await session.merge(MetricBlock(tier=tier, figure=figure, start=start, data=data))


async def minutes(session: AsyncSession) -> Sequence[tuple[int, bytes]]:
    """Return every minute that is not part of a block yet, in order."""
    query = select(MetricMinute.start, MetricMinute.data).order_by(MetricMinute.start)
    return [(start, data) for start, data in await session.execute(query)]


async def put_minute(session: AsyncSession, start: int, data: bytes) -> None:
    """Write or replace a minute."""
    await session.merge(MetricMinute(start=start, data=data))


async def forget_minutes(session: AsyncSession, until: int) -> None:
    """Drop the minutes that begin before `until`."""
    await session.execute(delete(MetricMinute).where(MetricMinute.start < until))


async def forget_some(session: AsyncSession, tier: int, starts: Collection[int]) -> None:
    """Drop the blocks of a tier that begin then."""
    these = (MetricBlock.tier == tier) & MetricBlock.start.in_(starts)
    await session.execute(delete(MetricBlock).where(these))


async def forget_minutes_after(session: AsyncSession, moment: float) -> None:
    """Drop the minutes that begin later."""
    await session.execute(delete(MetricMinute).where(MetricMinute.start > moment))


async def forget_blocks(session: AsyncSession, tier: int, before: int) -> None:
    """Drop the blocks of a tier that begin before then."""
    old = (MetricBlock.tier == tier) & (MetricBlock.start < before)
    await session.execute(delete(MetricBlock).where(old))
