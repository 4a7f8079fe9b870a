"""Reads and writes the table of the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from vllm_manager.audit.chain import GENESIS, MEMBERS, hash_of
from vllm_manager.audit.tables import AuditRow

_ANCHOR = "anchor"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for; None: any."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def link_of(row: AuditRow) -> dict[str, Any]:
    """Return a row as it is hashed and exported."""
    link: dict[str, Any] = {name: getattr(row, name) for name in (*MEMBERS, "hash")}
    link["at"] = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    return link


async def append(session: AsyncSession, **values: Any) -> AuditRow:
    """Add an entry at the end of the chain; the unit of work is the only one at a time."""
    last = await session.scalar(select(AuditRow).order_by(AuditRow.seq.desc()).limit(1))
    nothing: dict[str, Any] = {**dict.fromkeys(MEMBERS), "fields": [], "hash": ""}
    row = AuditRow(**{**nothing, **values})
    row.seq = last.seq + 1 if last else 1
    row.previous_hash = last.hash if last else GENESIS
    row.hash = hash_of(link_of(row))
    session.add(row)
    return row


async def newest(
    session: AsyncSession, wanted: Wanted, limit: int, before: int | None
) -> Sequence[tuple[AuditRow, AuditRow | None]]:
    """Return attempts, the newest first, each with its result where that is known."""
    result = aliased(AuditRow)
    query = (
        select(AuditRow, result)
        .outerjoin(result, result.intent_seq == AuditRow.seq)
        .where(AuditRow.kind == "intent")
        .order_by(AuditRow.seq.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(AuditRow.seq < before)
    if wanted.actor is not None:
        who = (AuditRow.actor, AuditRow.actor_id, result.actor, result.actor_id)
        query = query.where(or_(*(column == wanted.actor for column in who)))
    if wanted.action is not None:
        query = query.where(AuditRow.action == wanted.action)
    if wanted.subject is not None:
        query = query.where(AuditRow.subject == wanted.subject)
    if wanted.since is not None:
        query = query.where(AuditRow.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditRow.at < wanted.until)
    return [(row[0], row[1]) for row in (await session.execute(query)).all()]


async def links_after(session: AsyncSession, seq: int, limit: int) -> list[dict[str, Any]]:
    """Return the entries after number `seq`, oldest first."""
    query = select(AuditRow).where(AuditRow.seq > seq).order_by(AuditRow.seq).limit(limit)
    return [link_of(row) for row in await session.scalars(query)]


async def hash_before(session: AsyncSession, seq: int) -> str | None:
    """Return the hash that entry `seq` must follow, if it is the oldest one kept.

    It stands in the newest anchor that tells of the entry before it; None where there is none.
    """
    if seq <= 1:
        return GENESIS
    query = select(AuditRow.note).where(AuditRow.kind == _ANCHOR).order_by(AuditRow.seq.desc())
    for note in await session.scalars(query):
        number, _, text = (note or "").partition(":")
        if number == str(seq - 1):
            return text
    return None


async def prune(session: AsyncSession, before: datetime, now: datetime) -> int:
    """Delete entries older than `before` behind an anchor; return how many.

    What stands behind the first entry that is young enough stays, whatever its time says: a clock
    that was wrong for a moment must not take what was written before it. So does the newest entry.
    An attempt may go while its result stays, where the line falls between the two.
    """
    young = select(func.min(AuditRow.seq)).where(AuditRow.at >= before)
    first_kept = await session.scalar(young) or await session.scalar(select(func.max(AuditRow.seq)))
    row = await session.get(AuditRow, first_kept - 1) if first_kept else None
    if row is None:
        return 0
    await append(session, at=now, kind=_ANCHOR, action="pruneAudit", note=f"{row.seq}:{row.hash}")
    await session.flush()
    gone = await session.execute(delete(AuditRow).where(AuditRow.seq <= row.seq))
    return int(getattr(gone, "rowcount", 0))
