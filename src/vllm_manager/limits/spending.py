"""Spending: the tokens that subjects with a quota have used this day and this month (UTC)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, case, func, select

from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.limits.spans import day_number
from vllm_manager.limits.tables import BY_DAY, SERIES

SpenderScope = Literal["installation", "team", "user", "key", "model"]
_COLUMNS: Mapping[SpenderScope, Any] = {
    "team": SERIES.c.team_id,
    "user": SERIES.c.user_id,
    "key": SERIES.c.key_id,
    "model": case((SERIES.c.base == "", SERIES.c.model), else_=SERIES.c.base),
}
"""What is used of an adapter counts for its model, as it does in the gateway."""

# Batches that were held up may still bring in hours of the days before.
_DAYS_BEFORE_SECONDS = 600.0
# Above this it is quicker to sum everybody than to name the wanted ones.
_MOST_NAMED = 500


class Spent(NamedTuple):
    """Tokens read and written by subject, today and this month with today; each has them all."""

    today: Mapping[str, int]
    this_month: Mapping[str, int]


@dataclass(slots=True)
class _Earlier:
    """What was used this month on the days before today."""

    day: date
    read_at: float
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    known: frozenset[str] = frozenset()


class Spending:
    """Sums usage. The days before today, which hardly change, are summed every ten minutes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._earlier: dict[SpenderScope, _Earlier] = {}

    @property
    def today(self) -> date:
        """The day that counts, in UTC."""
        return self._clock.now().date()

    async def of(self, scope: SpenderScope, subjects: Collection[str]) -> Spent:
        """Return what each subject has used; the installation's subject is ""."""
        today = self.today
        wanted = frozenset(subjects)
        if not wanted:
            return Spent({}, {})
        earlier = (await self._days_before(scope, wanted, today)).tokens
        now = await self._sum(scope, wanted, BY_DAY.c.day == day_number(today))
        return Spent(
            {subject: now.get(subject, 0) for subject in wanted},
            {subject: now.get(subject, 0) + earlier.get(subject, 0) for subject in wanted},
        )

    async def _days_before(
        self, scope: SpenderScope, wanted: frozenset[str], today: date
    ) -> _Earlier:
        known = self._earlier.get(scope)
        now = self._clock.monotonic()
        if known is not None and known.day == today:
            if wanted <= known.known and now - known.read_at < _DAYS_BEFORE_SECONDS:
                return known
            wanted |= known.known
        first = day_number(today.replace(day=1))
        span = (BY_DAY.c.day >= first) & (BY_DAY.c.day < day_number(today))
        tokens = await self._sum(scope, wanted, span)
        self._earlier[scope] = earlier = _Earlier(today, now, tokens, wanted)
        return earlier

    async def _sum(
        self, scope: SpenderScope, wanted: frozenset[str], span: ColumnElement[bool]
    ) -> dict[str, int]:
        tokens = func.sum(BY_DAY.c.prompt_tokens + BY_DAY.c.completion_tokens)
        async with self._database.read() as session:
            if scope == "installation":
                return {"": int(await session.scalar(select(tokens).where(span)) or 0)}
            column = _COLUMNS[scope]
            source = BY_DAY.join(SERIES, SERIES.c.id == BY_DAY.c.series_id)
            query = select(column, tokens).select_from(source).where(span).group_by(column)
            if len(wanted) <= _MOST_NAMED:
                query = query.where(column.in_(wanted))
            rows = await session.execute(query)
            return {subject: int(sum_) for subject, sum_ in rows}
