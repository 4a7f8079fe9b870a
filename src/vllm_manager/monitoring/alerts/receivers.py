"""Who is told of alerts: kept with sealed addresses, tried out, changed, removed."""

import re

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import FieldError, Problem, invalid, not_found
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.paging import Page
from vllm_manager.kit.vault import Vault
from vllm_manager.monitoring.alerts import store
from vllm_manager.monitoring.alerts.channels import NotDelivered, shown_address, why_no_webhook
from vllm_manager.monitoring.alerts.delivering import (
    FOR_SIGNING,
    FOR_TARGETS,
    Delivering,
    note,
)
from vllm_manager.monitoring.alerts.schemas import (
    Alert,
    Receiver,
    ReceiverChange,
    ReceiverRequest,
)
from vllm_manager.monitoring.alerts.tables import ReceiverRow
from vllm_manager.monitoring.alerts.views import receiver_view

_MAIL_ADDRESS = re.compile(r"[^\s@<>,;:\"\\]{1,64}@[A-Za-z0-9.-]{1,255}")


class Receivers:
    """Keeps receivers. Their addresses and secrets are never shown again."""

    def __init__(
        self, database: Database, clock: Clock, vault: Vault, delivering: Delivering
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._delivering = delivering

    async def all(self) -> Page[Receiver]:
        """Return every receiver, by name."""
        async with self._database.read() as session:
            rows, waiting = await store.receivers(session), await store.waiting(session)
        return Page(items=[receiver_view(row, waiting.get(row.id, 0)) for row in rows])

    async def create(self, asked: ReceiverRequest) -> Receiver:
        """Keep a new receiver.

        Raises:
            Problem: the address can't be one (422); `receiver_exists` (409).
        """
        row = ReceiverRow(
            id=new_id("rcv"),
            name=asked.name,
            kind=asked.kind,
            least_severity=asked.least_severity,
            is_enabled=True,
            created_at=self._clock.now(),
        )
        self._put(row, asked.target, asked.secret)
        async with self._database.unit_of_work() as session:
            if await store.receiver_named(session, asked.name) is not None:
                raise Problem(
                    "receiver_exists",
                    f"There is a receiver “{asked.name}” already. Choose another name, or change "
                    "that one.",
                    status=409,
                )
            session.add(row)
        return receiver_view(row, 0)

    async def change(self, receiver_id: str, asked: ReceiverChange) -> Receiver:
        """Change a receiver.

        Raises:
            Problem: `receiver_not_found` (404); the address can't be one (422).
        """
        async with self._database.unit_of_work() as session:
            row = await _row(session, receiver_id)
            self._put(row, asked.target, asked.secret)
            if asked.least_severity is not None:
                row.least_severity = asked.least_severity
            if asked.is_enabled is not None:
                row.is_enabled = asked.is_enabled
            waiting = await store.waiting(session)
        return receiver_view(row, waiting.get(row.id, 0))

    async def delete(self, receiver_id: str) -> None:
        """Forget a receiver, and what it is owed.

        Raises:
            Problem: `receiver_not_found` (404).
        """
        async with self._database.unit_of_work() as session:
            await session.delete(await _row(session, receiver_id))

    async def test(self, receiver_id: str) -> Receiver:
        """Send a message that says that it is a test.

        Raises:
            Problem: `receiver_not_found` (404); `not_delivered` (502), with the reason.
        """
        async with self._database.read() as session:
            row = await _row(session, receiver_id)
        problem = None
        try:
            await self._delivering.send("test", new_id("dlv"), self._sample(), row)
        except NotDelivered as error:
            problem = str(error)
        async with self._database.unit_of_work() as session:
            row = await _row(session, receiver_id)
            note(row, problem, self._clock.now())
            waiting = await store.waiting(session)
        if problem is not None:
            raise Problem("not_delivered", problem, status=502, retryable=True)
        return receiver_view(row, waiting.get(row.id, 0))

    def _put(self, row: ReceiverRow, target: str | None, secret: str | None) -> None:
        if target is not None:
            target = target.strip()
            _require_address(row.kind, target)
            row.sealed_target = self._vault.seal(target, f"{FOR_TARGETS}:{row.id}")
            row.shown_target = (target if row.kind == "email" else shown_address(target))[:255]
        if secret is not None:
            row.sealed_secret = self._vault.seal(secret, f"{FOR_SIGNING}:{row.id}")

    def _sample(self) -> Alert:
        now = self._clock.now()
        return Alert(
            id="alr_test",
            rule="test",
            subject="test",
            severity="info",
            title="Alerts reach you here",
            detail="Somebody tried this receiver out. Nothing is wrong.",
            deployment=None,
            remediation=[],
            since=now,
            updated_at=now,
            resolved_at=None,
            acknowledged_at=None,
            acknowledged_by=None,
            note=None,
            silenced_until=None,
            is_known=True,
        )


async def _row(session: AsyncSession, receiver_id: str) -> ReceiverRow:
    row = await store.receiver(session, receiver_id)
    if row is None:
        raise not_found("receiver", receiver_id)
    return row


def _require_address(kind: str, target: str) -> None:
    why = why_no_webhook(target) if kind == "webhook" else _why_no_mail_address(target)
    if why is not None:
        raise invalid([FieldError(field="target", message=why)])


def _why_no_mail_address(target: str) -> str | None:
    return None if _MAIL_ADDRESS.fullmatch(target) else "This is no address of mail: `name@host`."
