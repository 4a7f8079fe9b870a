"""Looks every few seconds, and writes down what began and what ended, with whom that must reach."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.redaction import redact
from vllm_manager.monitoring.alerts import store
from vllm_manager.monitoring.alerts.facts import Facts
from vllm_manager.monitoring.alerts.rules import Finding
from vllm_manager.monitoring.alerts.schemas import Event
from vllm_manager.monitoring.alerts.states import Change, Key, Watch
from vllm_manager.monitoring.alerts.tables import AlertRow, DeliveryRow
from vllm_manager.monitoring.alerts.views import is_at_least, silenced_until

log = logging.getLogger(__name__)

_RENEW: Final = timedelta(seconds=60)
"""The numbers in an alert that goes on are written anew this often at most."""
_UNKNOWN_AFTER_SECONDS: Final = 30.0


class Watcher:
    """Turns what is so into alerts. Only the control plane that acts does it."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        look: Callable[[], Awaitable[Facts]],
        is_acting: Callable[[], bool],
        told: Callable[[], None],
    ) -> None:
        """`told` is called after alerts have changed."""
        self._database = database
        self._clock = clock
        self._look = look
        self._is_acting = is_acting
        self._told = told
        self._watch = Watch()
        self._seen = Change()
        self._looked_at: float | None = None

    def is_unknown(self, rule: str, subject: str) -> bool:
        """Whether it can't be told now if an alert still holds."""
        looked, seen = self._looked_at, self._seen
        if looked is None or self._clock.monotonic() - looked > _UNKNOWN_AFTER_SECONDS:
            return True
        return rule in seen.unknown or Key(rule, subject) in seen.unknown_keys

    async def step(self) -> None:
        """Look once."""
        if not self._is_acting():
            self._looked_at = None
            return
        facts = await self._look()
        async with self._database.read() as session:
            known = [_key(row) for row in await store.active(session)]
        change = self._watch.look(facts, known)
        self._seen, self._looked_at = change, self._clock.monotonic()
        if set(change.on) - set(known) or change.over:
            await self._write(change)
            self._told()
        elif change.on:
            await self._renew(change)

    async def _write(self, change: Change) -> None:
        now = self._clock.now()
        async with self._database.unit_of_work() as session:
            rows = {_key(row): row for row in await store.active(session)}
            for key in change.over:
                if (row := rows.get(key)) is not None:
                    row.active_key, row.resolved_at, row.updated_at = None, now, now
                    log.info("Over: %s", row.title)
                    await _owe(session, row, "resolved", now)
            for key, finding in change.on.items():
                if key in rows:
                    _put(rows[key], finding, now)
                    continue
                row = _new(key, finding, now)
                session.add(row)
                await session.flush()
                log.warning("%s: %s", row.title, row.detail)
                await _owe(session, row, "fired", now)

    async def _renew(self, change: Change) -> None:
        """Put newer words into alerts that go on, where they differ; a worse one is told again."""
        now = self._clock.now()
        async with self._database.read() as session:
            rows = await store.active(session)
        due = [row for row in rows if _is_due(row, change.on.get(_key(row)), now)]
        if not due:
            return
        async with self._database.unit_of_work() as session:
            for row in await store.active(session):
                finding = change.on.get(_key(row))
                if finding is None or not _is_due(row, finding, now):
                    continue
                is_worse = not is_at_least(row.severity, finding.severity)
                _put(row, finding, now)
                if is_worse:
                    await _owe(session, row, "fired", now)
        self._told()


async def _owe(session: AsyncSession, row: AlertRow, event: Event, now: datetime) -> None:
    """Write down whom an alert is to be told to."""
    quiet = silenced_until(row.rule, row.subject, await store.silences(session, now))
    if quiet is not None:
        return
    for receiver in await store.receivers(session):
        if receiver.is_enabled and is_at_least(row.severity, receiver.least_severity):
            session.add(owed(row.id, receiver.id, event, now))


def owed(alert_id: str, receiver_id: str, event: Event, now: datetime) -> DeliveryRow:
    """Return a message that is due at once."""
    return DeliveryRow(
        id=new_id("dlv"),
        alert_id=alert_id,
        receiver_id=receiver_id,
        event=event,
        created_at=now,
        due_at=now,
        tries=0,
    )


def _key(row: AlertRow) -> Key:
    return Key(row.rule, row.subject)


def _new(key: Key, finding: Finding, now: datetime) -> AlertRow:
    row = AlertRow(
        id=new_id("alr"),
        active_key=f"{key.rule}/{key.subject}",
        rule=key.rule,
        subject=key.subject,
        since=now,
    )
    _put(row, finding, now)
    return row


def _put(row: AlertRow, finding: Finding, now: datetime) -> None:
    row.severity = finding.severity
    row.title = redact(finding.title)[:255]
    row.detail = redact(finding.detail)
    row.remediation = _remedies(finding)
    row.updated_at = now


def _remedies(finding: Finding) -> list[dict[str, object]]:
    return [remedy.model_dump(mode="json") for remedy in finding.remediation]


def _is_due(row: AlertRow, finding: Finding | None, now: datetime) -> bool:
    if finding is None:
        return False
    if row.severity != finding.severity:
        return True
    told = (redact(finding.title)[:255], redact(finding.detail), _remedies(finding))
    is_new = (row.title, row.detail, row.remediation) != told
    return is_new and now - row.updated_at >= _RENEW
