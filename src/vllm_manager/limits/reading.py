"""Reads sums of usage: one query for a page of groups, whatever the span."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    func,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.limits.prices.tables import UsagePrice
from vllm_manager.limits.schemas import GroupBy
from vllm_manager.limits.spans import Parts
from vllm_manager.limits.tables import BY_DAY, BY_HOUR, SERIES, SUMMED

_SUBJECTS: Mapping[str, ColumnElement[Any]] = {
    "model": SERIES.c.model,
    "key": SERIES.c.key_id,
    "user": SERIES.c.user_id,
    "team": SERIES.c.team_id,
}
_PER_MILLION = 1e-6


class Asked(NamedTuple):
    """What is summed: by what, of when and of whom."""

    group_by: list[GroupBy]
    parts: Parts
    only: Mapping[str, str]
    """Ids (of models the name) that alone count, by `model`, `key`, `user` or `team`."""
    user_id: str | None = None
    """Whose usage alone may be seen, whatever else is asked for; None: everybody's."""

    def of_user(self, user_id: str) -> "Asked":
        """Return the same question about what is `user_id`'s."""
        return self._replace(user_id=user_id)


async def totals(
    session: AsyncSession, asked: Asked, after: Sequence[Any] | None, limit: int | None
) -> Sequence[Mapping[str, Any]]:
    """Return sums per group, in the groups' order, of those that come after `after`.

    Days are numbers since 1970. `cost` is None where nothing had a price.
    """
    has_prices = await session.scalar(select(UsagePrice.model).limit(1)) is not None
    query = _query(asked, after, has_prices=has_prices).limit(limit)
    return [dict(row) for row in (await session.execute(query)).mappings()]


def _query(asked: Asked, after: Sequence[Any] | None, *, has_prices: bool) -> Select[Any]:
    rows = _rows(asked.parts)
    groups = [rows.c.day if name == "day" else _SUBJECTS[name] for name in asked.group_by]
    named = [column.label(name) for column, name in zip(groups, asked.group_by, strict=True)]
    sums = [func.sum(rows.c[name]).label(name) for name in SUMMED]
    source = rows.join(SERIES, SERIES.c.id == rows.c.series_id)
    if has_prices:
        prices = _prices()
        source = source.outerjoin(
            prices,
            and_(
                prices.c.model == SERIES.c.model,
                rows.c.day >= prices.c.first_day,
                or_(prices.c.end_day.is_(None), rows.c.day < prices.c.end_day),
            ),
        )
        money = _money(rows, prices)
    else:
        nothing = case((rows.c.requests < 0, 0.0))
        money = [func.sum(nothing), func.sum(rows.c.requests)]
    cost, unpriced = money[0].label("cost"), money[1].label("unpriced_requests")
    query = select(*named, *sums, cost, unpriced).select_from(source)
    for name, value in asked.only.items():
        query = query.where(_SUBJECTS[name] == value)
    if asked.user_id is not None:
        query = query.where(SERIES.c.user_id == asked.user_id)
    if after is not None:
        query = query.where(tuple_(*groups) > tuple_(*after))
    return query.group_by(*groups).order_by(*groups)


def _rows(parts: Parts) -> FromClause:
    """Return the rows of a span, each with its day."""
    first, end = parts.days
    columns = [BY_DAY.c[name] for name in SUMMED]
    days = select(BY_DAY.c.day.label("day"), BY_DAY.c.series_id, *columns)
    days = days.where(BY_DAY.c.day >= first, BY_DAY.c.day < end)
    hours = [_hours(*edge) for edge in parts.hours]
    return union_all(days, *hours).subquery("rows") if hours else days.subquery("rows")


def _hours(first: int, end: int) -> Select[Any]:
    hour = BY_HOUR.c.hour
    columns = [BY_HOUR.c[name] for name in SUMMED]
    query = select((hour // 24).label("day"), BY_HOUR.c.series_id, *columns)
    return query.where(hour >= first, hour < end)


def _prices() -> FromClause:
    """Return each price with the day on which it ends; None: it is in force."""
    first_day = UsagePrice.first_day
    end_day = func.lead(first_day).over(partition_by=UsagePrice.model, order_by=first_day)
    return select(
        UsagePrice.model,
        first_day,
        end_day.label("end_day"),
        UsagePrice.input,
        func.coalesce(UsagePrice.cached_input, UsagePrice.input).label("cached_input"),
        UsagePrice.output,
    ).subquery("prices")


def _money(rows: FromClause, prices: FromClause) -> list[ColumnElement[Any]]:
    """Return the cost, and the requests that have none."""
    cost = (
        (rows.c.prompt_tokens - rows.c.cached_tokens) * prices.c.input
        + rows.c.cached_tokens * prices.c.cached_input
        + rows.c.completion_tokens * prices.c.output
    )
    unpriced = case((prices.c.model.is_(None), rows.c.requests), else_=0)
    return [func.sum(cost * _PER_MILLION), func.sum(unpriced)]
