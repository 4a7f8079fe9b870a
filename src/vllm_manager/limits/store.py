"""Reads and writes the tables of usage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.limits.schemas import GroupBy
from vllm_manager.limits.tables import UsageBatch, UsageHour

_COLUMNS = {
    "model": UsageHour.model,
    "key": UsageHour.key_id,
    "user": UsageHour.user_id,
    "team": UsageHour.team_id,
    "day": UsageHour.day,
}

_COUNTERS = ("requests", "errors", "prompt_tokens", "completion_tokens", "cached_tokens")


class Slot(NamedTuple):
    """What one row of `usage_hours` is about."""

    hour: datetime
    key_id: str
    user_id: str
    team_id: str
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
    if await session.get(UsageBatch, batch_id) is not None:
        return False
    session.add(UsageBatch(id=batch_id, received_at=now))
    return True


async def add(session: AsyncSession, sums: Mapping[Slot, Sums]) -> None:
    """Add `sums` to what is stored."""
    for slot, sum_ in sums.items():
        row = await session.get(UsageHour, tuple(slot), with_for_update=True)
        if row is None:
            row = UsageHour(**slot._asdict(), day=slot.hour.date(), **dict.fromkeys(_COUNTERS, 0))
            session.add(row)
        for name in _COUNTERS:
            setattr(row, name, getattr(row, name) + getattr(sum_, name))


async def totals(
    session: AsyncSession,
    group_by: Sequence[GroupBy],
    since: datetime | None,
    until: datetime | None,
    user_id: str | None,
) -> Sequence[Mapping[str, Any]]:
    """Return sums per group of the hours that begin within [`since`, `until`); None: of anyone."""
    groups = [_COLUMNS[name].label(name) for name in group_by]
    query = select(
        *groups,
        *(func.sum(getattr(UsageHour, name)).label(name) for name in _COUNTERS),
    )
    if since is not None:
        query = query.where(UsageHour.hour >= since)
    if until is not None:
        query = query.where(UsageHour.hour < until)
    if user_id is not None:
        query = query.where(UsageHour.user_id == user_id)
    columns = [_COLUMNS[name] for name in group_by]
    rows = await session.execute(query.group_by(*columns).order_by(*columns))
    return [dict(row) for row in rows.mappings()]


async def forget_batches(session: AsyncSession, before: datetime) -> None:
    await session.execute(delete(UsageBatch).where(UsageBatch.received_at < before))
