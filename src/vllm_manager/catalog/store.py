"""Reads and writes the catalog's tables."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.catalog.tables import HubAnswer, HubToken


async def answer(session: AsyncSession, key: str) -> HubAnswer | None:
    return await session.get(HubAnswer, key)


async def keep_answer(session: AsyncSession, key: str, body: dict[str, Any], now: datetime) -> None:
    """Replace what was kept under `key`."""
    await session.merge(HubAnswer(key=key, body=body, fetched_at=now))


async def forget_answers(session: AsyncSession, before: datetime, most: int) -> None:
    """Drop answers given before a moment, and the oldest of more than `most`."""
    newest_first = select(HubAnswer.fetched_at).order_by(HubAnswer.fetched_at.desc())
    one_too_many = await session.scalar(newest_first.offset(most).limit(1))
    oldest = HubAnswer.fetched_at < before
    if one_too_many is not None:
        oldest = oldest | (HubAnswer.fetched_at <= one_too_many)
    await session.execute(delete(HubAnswer).where(oldest))


async def tokens(session: AsyncSession, owners: Iterable[str]) -> dict[str, HubToken]:
    """Return the tokens of these owners, by owner."""
    rows = await session.scalars(select(HubToken).where(HubToken.owner.in_(list(owners))))
    return {row.owner: row for row in rows}


async def keep_token(session: AsyncSession, token: HubToken) -> None:
    await session.merge(token)


async def forget_token(session: AsyncSession, owner: str) -> None:
    await session.execute(delete(HubToken).where(HubToken.owner == owner))


async def note_test(session: AsyncSession, owner: str, account: str, now: datetime) -> None:
    """Remember whose token it was found to be."""
    row = await session.get(HubToken, owner)
    if row is not None:
        row.account, row.tested_at = account, now
