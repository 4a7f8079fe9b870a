"""Writes the tables of usage."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from sqlalchemy import CursorResult, Delete, Table, delete, insert, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.limits.counting import Slot, Sums, Who
from vllm_manager.limits.tables import BY_DAY, BY_HOUR, SERIES, SUMMED, UsageBatch

T = TypeVar("T")

_MOST_IN_A_QUERY = 200


async def claim(session: AsyncSession, batch_id: str, now: datetime) -> bool:
    """Return whether `batch_id` is new, remembering it in the same transaction."""
    if await session.get(UsageBatch, batch_id) is not None:
        return False
    session.add(UsageBatch(id=batch_id, received_at=now))
    return True


async def add(session: AsyncSession, hours: Mapping[Slot, Sums], days: Mapping[Slot, Sums]) -> None:
    """Add sums to what is stored of their hours and of their days."""
    ids = await _series(session, {slot.who for slot in hours})
    for table, period, sums in ((BY_HOUR, "hour", hours), (BY_DAY, "day", days)):
        rows = [
            {period: slot.hour, "series_id": ids[slot.who], **sum_.columns()}
            for slot, sum_ in sums.items()
        ]
        if rows:
            await session.execute(_adding(session, table, period), rows)


async def forget_batches(session: AsyncSession, ids: Sequence[str]) -> None:
    """Forget batches that can't come again."""
    for some in _in_parts(ids):
        await session.execute(delete(UsageBatch).where(UsageBatch.id.in_(some)))


async def prune(
    session: AsyncSession, first_hour: int, first_day: int, batches_before: datetime
) -> None:
    """Delete what is older, and the series that nothing is left of."""
    await session.execute(delete(UsageBatch).where(UsageBatch.received_at < batches_before))
    await session.execute(delete(BY_HOUR).where(BY_HOUR.c.hour < first_hour))
    if await _count(session, delete(BY_DAY).where(BY_DAY.c.day < first_day)):
        used = select(BY_DAY.c.series_id)
        await session.execute(delete(SERIES).where(SERIES.c.id.not_in(used)))


async def _series(session: AsyncSession, whos: Iterable[Who]) -> dict[Who, int]:
    """Return the id of each; new ones are written."""
    wanted = sorted(whos)
    known = await _known_series(session, wanted)
    missing = [who for who in wanted if who not in known]
    if missing:
        await session.execute(insert(SERIES), [who._asdict() for who in missing])
        known |= await _known_series(session, missing)
    return known


async def _known_series(session: AsyncSession, whos: Sequence[Who]) -> dict[Who, int]:
    columns = tuple(SERIES.c[name] for name in Who._fields)
    found: dict[Who, int] = {}
    for some in _in_parts(whos):
        query = select(SERIES.c.id, *columns).where(tuple_(*columns).in_(some))
        found.update({Who._make(row[1:]): row[0] for row in await session.execute(query)})
    return found


def _adding(session: AsyncSession, table: Table, period: str) -> Any:
    """Return the statement that writes a row, or adds it to the one that is there."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    written = sqlite.insert(table) if is_sqlite else postgresql.insert(table)
    added = {name: table.c[name] + written.excluded[name] for name in SUMMED}
    return written.on_conflict_do_update(index_elements=[period, "series_id"], set_=added)


async def _count(session: AsyncSession, statement: Delete) -> int:
    return cast("CursorResult[Any]", await session.execute(statement)).rowcount


def _in_parts(values: Sequence[T]) -> Iterable[Sequence[T]]:
    return (
        values[start : start + _MOST_IN_A_QUERY]
        for start in range(0, len(values), _MOST_IN_A_QUERY)
    )
