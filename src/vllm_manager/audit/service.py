"""The audit log: written before a change is made, completed after it, and verified."""

import logging
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from vllm_manager.audit import store
from vllm_manager.audit.chain import Verdict, Walk
from vllm_manager.audit.floods import Floods
from vllm_manager.audit.schemas import Attempt, AuditEntry, ChainReport, Outcome
from vllm_manager.audit.store import Wanted
from vllm_manager.audit.tables import AuditRow
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import FieldError, Problem, invalid
from vllm_manager.kit.paging import Page, cut, decode_cursor

log = logging.getLogger(__name__)

_PIECE = 1000
_SUM = "refuseAttempts"
Piece = list[dict[str, Any]]
"""Some entries as they are hashed and exported."""


class AuditLog:
    """Appends to the chain, reads it and proves it."""

    def __init__(self, database: Database, clock: Clock, retention_days: int) -> None:
        self._database = database
        self._clock = clock
        self._retention = timedelta(days=retention_days)
        self.floods = Floods(clock)
        self.unfinished = 0
        """Results that could not be written since the start."""

    async def begin(self, attempt: Attempt) -> int:
        """Write down what is about to be done; return the entry's number.

        Raises:
            Problem: `audit_unavailable` (503): it can't be written, so it must not be done.
        """
        try:
            async with self._database.unit_of_work() as session:
                row = await store.append(
                    session,
                    at=self._clock.now(),
                    kind="intent",
                    actor_id=attempt.actor_id,
                    actor=attempt.actor,
                    credential=attempt.credential,
                    address=attempt.address,
                    action=attempt.action,
                    subject=attempt.subject,
                    fields=list(attempt.fields),
                    request_id=attempt.request_id,
                )
            return row.seq
        except (SQLAlchemyError, OSError) as error:
            log.error(
                "The audit log can't be written, so %s was refused: %s", attempt.action, error
            )
            raise _unavailable() from error

    async def finish(
        self,
        seq: int,
        action: str,
        status: int,
        code: str | None,
        who: Mapping[str, str | None] | None = None,
    ) -> None:
        """Write down what came of it. A failure is logged: what was done can't be undone.

        `who` (`actor_id`, `actor`, `credential`) is for a login: only its end shows whose it is.
        """
        try:
            async with self._database.unit_of_work() as session:
                await store.append(
                    session,
                    at=self._clock.now(),
                    kind="result",
                    intent_seq=seq,
                    action=action,
                    status=status,
                    code=code,
                    **(who or {}),
                )
        except (SQLAlchemyError, OSError) as error:
            self.unfinished += 1
            log.error("What came of audit entry %d (%d) can't be written: %s", seq, status, error)

    async def sum_up(self) -> None:
        """Write down how many attempts of whom were refused without an entry of their own.

        Raises:
            Problem: `audit_unavailable` (503).
        """
        for address, attempts in self.floods.sums():
            told = Attempt(action=_SUM, address=address, subject=f"{attempts} attempts")
            await self.finish(await self.begin(told), _SUM, 429, "too_many_attempts")

    async def list(self, wanted: Wanted, limit: int, cursor: str | None = None) -> Page[AuditEntry]:
        """Return a page of what was done or tried, the newest first.

        Raises:
            Problem: the span ends before it begins, or the cursor is none (422).
        """
        _require_span(wanted.since, wanted.until)
        before = _number(cursor)
        async with self._database.read() as session:
            rows = await store.newest(session, wanted, limit + 1, before)
        entries = [_entry(row, result) for row, result in rows]
        page, next_cursor = cut(entries, limit, [str(entry.seq) for entry in entries])
        return Page(items=page, next_cursor=next_cursor)

    async def links(self) -> AsyncGenerator[Piece]:
        """Yield the whole chain, oldest first, in pieces."""
        last = 0
        while True:
            async with self._database.read() as session:
                piece = await store.links_after(session, last, _PIECE)
            if not piece:
                return
            yield piece
            last = piece[-1]["seq"]

    async def verify(self) -> ChainReport:
        """Walk along the chain and tell whether every entry is as it was written."""
        walk: Walk | None = None
        async for piece in self.links():
            if walk is None:
                first = int(piece[0]["seq"])
                async with self._database.read() as session:
                    before = await store.hash_before(session, first)
                if before is None:
                    reason = f"Entries before {first} are gone, and no anchor tells of that."
                    return report_of(Verdict(broken_at=first, reason=reason))
                walk = Walk(before)
            if not walk.take(piece):
                break
        return report_of(walk.verdict if walk else Verdict())

    async def prune(self) -> None:
        """Delete what is older than the retention, behind an anchor that keeps the chain whole."""
        await self.sum_up()
        now = self._clock.now()
        async with self._database.unit_of_work() as session:
            gone = await store.prune(session, now - self._retention, now)
        if gone:
            log.info("%d audit entries older than %s were pruned", gone, self._retention)


def report_of(verdict: Verdict) -> ChainReport:
    """Return what a walk found, for people."""
    return ChainReport(
        ok=verdict.ok,
        entries=verdict.entries,
        first_seq=verdict.first_seq,
        last_seq=verdict.last_seq,
        head=verdict.head,
        broken_at=verdict.broken_at,
        reason=verdict.reason,
    )


def outcome_of(status: int | None) -> Outcome:
    """Return what a status means; None: nobody knows."""
    if status is None:
        return "unknown"
    if status < 400:
        return "done"
    return "refused" if status < 500 else "failed"


def _entry(row: AuditRow, result: AuditRow | None) -> AuditEntry:
    status = result.status if result else None
    return AuditEntry(
        seq=row.seq,
        at=row.at,
        actor_id=row.actor_id or (result.actor_id if result else None),
        actor=row.actor or (result.actor if result else None),
        credential=row.credential or (result.credential if result else None),
        address=row.address,
        action=row.action,
        subject=row.subject,
        fields=row.fields,
        outcome=outcome_of(status),
        status=status,
        code=result.code if result else None,
        request_id=row.request_id,
        hash=row.hash,
    )


def _number(cursor: str | None) -> int | None:
    text = decode_cursor(cursor)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 15:
        message = "Not a cursor of this list. Leave it out to start from the first page."
        raise invalid([FieldError(field="cursor", message=message)])
    return int(text)


def _require_span(since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None and until <= since:
        raise invalid([FieldError(field="to", message="Must be later than `from`.")])


def _unavailable() -> Problem:
    return Problem(
        "audit_unavailable",
        "The audit log can't be written, so nothing was changed: what is done must be seen. The "
        "control plane's log says why it can't; most often the disk is full. Try again then.",
        status=503,
        retryable=True,
        retry_after_seconds=5,
    )
