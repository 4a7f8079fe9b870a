"""Begin, advance, end and list operations, and tell whoever watches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem, ProblemDetails, not_found
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.paging import Page, cut, decode_cursor
from vllm_manager.kit.secrets import fingerprint
from vllm_manager.kit.topics import Hub
from vllm_manager.operations import store
from vllm_manager.operations.schemas import (
    OPEN_STATUSES,
    Operation,
    OperationKind,
    OperationStatus,
)
from vllm_manager.operations.tables import IdempotencyRow, OperationRow

TOPIC = "operations"
_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's promise that requests with this `key` are one request."""

    key: str
    caller: str
    request: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.key) <= 255:
            raise Problem("bad_idempotency_key", "An Idempotency-Key has 1 to 255 characters.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation stands, as decided from outside."""

    status: OperationStatus
    message: str | None = None
    progress: float | None = None
    error: ProblemDetails | None = None

    @property
    def ended(self) -> bool:
        return self.status not in OPEN_STATUSES


@dataclass(frozen=True, slots=True)
class Begun:
    """A new operation, and those it put an end to."""

    operation: Operation
    cancelled: Sequence[Operation]


class Operations:
    """The one place that writes operations."""

    def __init__(self, database: Database, hub: Hub, clock: Clock) -> None:
        self._database = database
        self._hub = hub
        self._clock = clock

    async def begin(
        self,
        session: AsyncSession,
        kind: OperationKind,
        subject: str,
        key: IdempotencyKey | None = None,
    ) -> Begun:
        """Add a running operation in the caller's transaction.

        Open ones of the same room on `subject` end.

        The caller publishes both with `announce` once its transaction is committed.
        """
        now = self._clock.now()
        superseded = [
            row
            for row in await store.open_rows(session, subject)
            if _room_of(row.kind) == _room_of(kind)
        ]
        for row in superseded:
            _apply(
                row, Outcome("cancelled", f"Superseded by {kind.partition('.')[2]}."), self._clock
            )
        row = OperationRow(
            id=new_id("op"),
            kind=kind,
            subject=subject,
            status="running",
            created_at=now,
            updated_at=now,
        )
        session.add(row)
        if key is not None:
            session.add(
                IdempotencyRow(
                    key=key.key,
                    caller=key.caller,
                    request_hash=fingerprint(key.request),
                    operation_id=row.id,
                    created_at=now,
                )
            )
        await session.flush()
        return Begun(to_schema(row), [to_schema(old) for old in superseded])

    async def repeated(self, session: AsyncSession, key: IdempotencyKey) -> Operation | None:
        """Return the operation that a request with this key already began.

        Raises:
            Problem: the key was used for another request (422).
        """
        row = await store.find_key(session, key.key, key.caller)
        if row is None:
            return None
        if row.request_hash != fingerprint(key.request):
            raise Problem(
                "idempotency_key_reused",
                "This Idempotency-Key was sent before with another request. Use a new key.",
                status=422,
            )
        operation = await store.get(session, row.operation_id)
        return to_schema(operation) if operation else None

    async def settle(self, outcomes: Mapping[str, Outcome]) -> None:
        """Record how operations stand now, by id; ended and unknown ones are left as they are."""
        if not outcomes:
            return
        async with self._database.unit_of_work() as session:
            changed = await self.settle_in(session, outcomes)
        self.announce_settled(changed)

    async def settle_in(
        self, session: AsyncSession, outcomes: Mapping[str, Outcome]
    ) -> Sequence[Operation]:
        """Do the same in the caller's transaction, so that no other outcome comes between what
        the caller writes and what its operation says of it.

        The caller publishes what this returns with `announce_settled` once that is committed.
        """
        changed: list[Operation] = []
        for operation_id, outcome in outcomes.items():
            row = await store.get(session, operation_id)
            if row is not None and row.finished_at is None and _differs(row, outcome):
                _apply(row, outcome, self._clock)
                changed.append(to_schema(row))
        return changed

    async def open(self, room: str) -> Sequence[Operation]:
        """Return a room's operations (`deployment`, `model`) that have not ended, oldest first."""
        async with self._database.read() as session:
            rows = await store.open_rows(session)
        return [to_schema(row) for row in rows if _room_of(row.kind) == room]

    async def get(self, operation_id: str) -> Operation:
        """Return one operation.

        Raises:
            Problem: there is none with this id (404).
        """
        async with self._database.read() as session:
            row = await store.get(session, operation_id)
        if row is None:
            raise not_found("operation", operation_id)
        return to_schema(row)

    async def list(
        self, limit: int, cursor: str | None = None, status: OperationStatus | None = None
    ) -> Page[Operation]:
        """Return a page of operations, newest first."""
        before = decode_cursor(cursor)
        async with self._database.read() as session:
            rows = await store.newest(session, limit + 1, before, status)
        page, next_cursor = cut(rows, limit, [row.id for row in rows])
        return Page(items=[to_schema(row) for row in page], next_cursor=next_cursor)

    async def forget_old(self) -> None:
        """Delete what ended more than 30 days ago."""
        async with self._database.unit_of_work() as session:
            await store.forget(session, self._clock.now() - _KEPT)

    def announce(self, begun: Begun) -> None:
        """Tell whoever watches of what `begin` did, now that it is committed."""
        self._publish([*begun.cancelled, begun.operation])

    def announce_settled(self, changed: Sequence[Operation]) -> None:
        """Tell whoever watches of what `settle_in` did, now that it is committed."""
        self._publish(changed)

    def _publish(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            self._hub.publish(TOPIC, "operation", operation.model_dump(mode="json"))


def _room_of(kind: str) -> str:
    return kind.partition(".")[0]


def _differs(row: OperationRow, outcome: Outcome) -> bool:
    return (row.status, row.message, row.progress) != (
        outcome.status,
        outcome.message,
        outcome.progress,
    )


def _apply(row: OperationRow, outcome: Outcome, clock: Clock) -> None:
    row.status = outcome.status
    row.message = outcome.message
    row.progress = outcome.progress
    row.error = outcome.error.model_dump(mode="json") if outcome.error else None
    row.updated_at = clock.now()
    row.finished_at = row.updated_at if outcome.ended else None


def to_schema(row: OperationRow) -> Operation:
    """Return the client's view of a row."""
    return Operation.model_validate(row, from_attributes=True)
