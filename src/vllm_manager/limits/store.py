"""Reads and writes the tables of usage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.limits.schemas import GroupBy
from vllm_manager.limits.tables import UsageBatch, UsageHour

_COLUMNS = {
    "model": UsageHour.model,
    "key": UsageHour.key_id,
    "user": UsageHour.user_id,
    "day": UsageHour.day,
}


class Slot(NamedTuple):
    """What one row of `usage_hours` is about."""

    hour: datetime
    key_id: str
    user_id: str
    model: str


@dataclass(slots=True)
class Sums:
    """What was counted in one slot."""

    requests: int = 0
    errors: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


async def claim(session: AsyncSession, batch_id: str, now: datetime) -> bool:
    """Return whether `batch_id` is new, remembering it in the same transaction."""
    statement = (
        _insert(session, UsageBatch)
        .values(id=batch_id, received_at=now)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(UsageBatch.id)
    )
    return await session.scalar(statement) is not None


async def add(session: AsyncSession, sums: Mapping[Slot, Sums]) -> None:
    """Add `sums` to what is stored."""
    counters = ("requests", "errors", "prompt_tokens", "completion_tokens", "cached_tokens")
    for slot, sum_ in sums.items():
        values = {name: getattr(sum_, name) for name in counters}
        statement = _insert(session, UsageHour).values(
            **slot._asdict(), day=slot.hour.date(), **values
        )
        added = {
            name: getattr(UsageHour, name) + getattr(statement.excluded, name) for name in counters
        }
        await session.execute(
            statement.on_conflict_do_update(index_elements=list(slot._fields), set_=added)
        )


async def totals(
    session: AsyncSession,
    group_by: Sequence[GroupBy],
    since: datetime | None,
    until: datetime | None,
) -> Sequence[Mapping[str, Any]]:
    """Return sums per group of the hours that begin within [`since`, `until`)."""
    groups = [_COLUMNS[name].label(name) for name in group_by]
    query = select(
        *groups,
        func.coalesce(func.sum(UsageHour.requests), 0).label("requests"),
        func.coalesce(func.sum(UsageHour.errors), 0).label("errors"),
        func.coalesce(func.sum(UsageHour.prompt_tokens), 0).label("prompt_tokens"),
        func.coalesce(func.sum(UsageHour.completion_tokens), 0).label("completion_tokens"),
        func.coalesce(func.sum(UsageHour.cached_tokens), 0).label("cached_tokens"),
    )
    if since is not None:
        query = query.where(UsageHour.hour >= since)
    if until is not None:
        query = query.where(UsageHour.hour < until)
    columns = [_COLUMNS[name] for name in group_by]
    rows = await session.execute(query.group_by(*columns).order_by(*columns))
    return [dict(row) for row in rows.mappings()]


async def forget_batches(session: AsyncSession, before: datetime) -> None:
    await session.execute(delete(UsageBatch).where(UsageBatch.received_at < before))


def _insert(session: AsyncSession, table: type[UsageBatch] | type[UsageHour]) -> Any:
    """Both databases know ON CONFLICT; SQLAlchemy has a constructor for each."""
    dialect = session.get_bind().dialect.name
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
