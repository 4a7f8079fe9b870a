"""Reads and writes the table of limits."""

from collections.abc import AsyncGenerator, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth.keys import Limits
from vllm_manager.limits.policies.schemas import Scope
from vllm_manager.limits.policies.tables import LimitRow

FIGURES = tuple(Limits.model_fields)
_MOST_IN_A_QUERY = 500
_AT_ONCE = 250
_Row = Row[*tuple[Any, ...]]


async def get(session: AsyncSession, scope: Scope, subject: str) -> LimitRow | None:
    return await session.get(LimitRow, (scope, subject))


async def put(
    session: AsyncSession, scope: Scope, subject: str, limits: Limits, now: datetime
) -> None:
    """Put `limits` in the place of what there is; empty ones take the row away."""
    row = await get(session, scope, subject)
    if limits.is_empty:
        if row is not None:
            await session.delete(row)
        return
    if row is None:
        row = LimitRow(scope=scope, subject=subject)
        session.add(row)
    for name in FIGURES:
        setattr(row, name, getattr(limits, name))
    row.updated_at = now


async def of_subjects(
    session: AsyncSession, scope: Scope, subjects: Sequence[str]
) -> list[LimitRow]:
    """Return the rows of those of the subjects that have one."""
    rows: list[LimitRow] = []
    for start in range(0, len(subjects), _MOST_IN_A_QUERY):
        some = subjects[start : start + _MOST_IN_A_QUERY]
        query = select(LimitRow).where(LimitRow.scope == scope, LimitRow.subject.in_(some))
        rows += await session.scalars(query)
    return rows


async def page(
    session: AsyncSession,
    scope: Scope | None,
    seen_by: Collection[tuple[Scope, str]] | None,
    after: tuple[str, str] | None,
    limit: int,
) -> Sequence[LimitRow]:
    """Return rows by scope and subject.

    `seen_by`: only those of these subjects, of the installation and of models; None: all.
    """
    query = select(LimitRow)
    if scope is not None:
        query = query.where(LimitRow.scope == scope)
    if seen_by is not None:
        query = query.where(_visible(seen_by))
    if after is not None:
        later = and_(LimitRow.scope == after[0], LimitRow.subject > after[1])
        query = query.where(or_(LimitRow.scope > after[0], later))
    query = query.order_by(LimitRow.scope, LimitRow.subject).limit(limit)
    return (await session.scalars(query)).all()


async def everything(session: AsyncSession) -> AsyncGenerator[Sequence[_Row]]:
    """Yield scope, subject and figures of every row, some at a time."""
    columns = (getattr(LimitRow, name) for name in FIGURES)
    query = select(LimitRow.scope, LimitRow.subject, *columns)
    query = query.order_by(LimitRow.scope, LimitRow.subject)
    result = await session.stream(query.execution_options(yield_per=_AT_ONCE))
    async for rows in result.partitions():
        yield rows


def _visible(subjects: Collection[tuple[Scope, str]]) -> ColumnElement[bool]:
    for_all = LimitRow.scope.in_(("installation", "model"))
    return or_(for_all, tuple_(LimitRow.scope, LimitRow.subject).in_(list(subjects)))
