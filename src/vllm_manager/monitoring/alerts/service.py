"""Alerts for people: what is on, who sees to it, and times of quiet."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from vllm_manager.auth import Principal
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem, not_found
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.paging import Page, cut, decode_cursor
from vllm_manager.monitoring.alerts import store
from vllm_manager.monitoring.alerts.schemas import (
    Acknowledgement,
    Alert,
    Silence,
    SilenceRequest,
    State,
)
from vllm_manager.monitoring.alerts.tables import AlertRow, SilenceRow
from vllm_manager.monitoring.alerts.views import alert_view, shown_to, silence_view

_KEPT: Final = timedelta(days=90)


class Alerts:
    """Reads alerts, and what people say about them. `told` is called after each change."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        is_unknown: Callable[[str, str], bool],
        told: Callable[[], None],
    ) -> None:
        """`is_unknown`: whether it can't be told now if an alert of a rule and subject holds."""
        self._database = database
        self._clock = clock
        self._is_unknown = is_unknown
        self._told = told

    async def page(
        self, who: Principal, state: State, cursor: str | None, limit: int
    ) -> Page[Alert]:
        """Return alerts, the newest first."""
        async with self._database.read() as session:
            rows = await store.page(session, state, decode_cursor(cursor), limit + 1)
            silences = await store.silences(session, self._clock.now())
        items, next_cursor = cut(rows, limit, [row.id for row in rows])
        views = [self._view(who, row, silences) for row in items]
        return Page(items=views, next_cursor=next_cursor)

    async def get(self, who: Principal, alert_id: str) -> Alert:
        """Return an alert.

        Raises:
            Problem: `alert_not_found` (404).
        """
        async with self._database.read() as session:
            row = await store.alert(session, alert_id)
            if row is None:
                raise not_found("alert", alert_id)
            silences = await store.silences(session, self._clock.now())
        return self._view(who, row, silences)

    def _view(self, who: Principal, row: AlertRow, silences: Sequence[SilenceRow]) -> Alert:
        whole = alert_view(row, silences, self._is_unknown(row.rule, row.subject))
        return shown_to(who, whole)

    async def acknowledge(self, alert_id: str, by: Principal, said: Acknowledgement) -> Alert:
        """Note that somebody sees to it; the last one who says so counts.

        Raises:
            Problem: `alert_not_found` (404); `alert_resolved` (409).
        """
        async with self._database.unit_of_work() as session:
            row = await store.alert(session, alert_id)
            if row is None:
                raise not_found("alert", alert_id)
            if row.resolved_at is not None:
                raise Problem(
                    "alert_resolved",
                    f"“{row.title}” is over since {row.resolved_at:%H:%M:%S} UTC: nobody needs to "
                    "see to it.",
                    status=409,
                )
            row.acknowledged_at, row.acknowledged_by = self._clock.now(), by.username
            row.note = said.note
        self._told()
        return await self.get(by, alert_id)

    async def silences(self) -> Page[Silence]:
        """Return the silences in force."""
        async with self._database.read() as session:
            rows = await store.silences(session, self._clock.now())
        return Page(items=[silence_view(row) for row in rows])

    async def silence(self, by: Principal, asked: SilenceRequest) -> Silence:
        """Tell nobody for a time."""
        now = self._clock.now()
        row = SilenceRow(
            id=new_id("sil"),
            rule=asked.rule,
            subject=asked.subject,
            reason=asked.reason,
            created_by=by.username,
            created_at=now,
            ends_at=now + timedelta(seconds=asked.seconds),
        )
        async with self._database.unit_of_work() as session:
            session.add(row)
        self._told()
        return silence_view(row)

    async def end_silence(self, silence_id: str) -> None:
        """End a silence before its time. What began meanwhile is not told of afterwards.

        Raises:
            Problem: `silence_not_found` (404).
        """
        async with self._database.unit_of_work() as session:
            row = await store.silence(session, silence_id)
            if row is None:
                raise not_found("silence", silence_id)
            await session.delete(row)
        self._told()

    async def forget_old(self) -> None:
        """Delete what has been over for a quarter of a year."""
        async with self._database.unit_of_work() as session:
            await store.forget(session, self._clock.now() - _KEPT)
