"""Usage for tests: records as the gateway writes them, and the room that counts and sums them."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fakes.clock import FakeClock
from support.application import database_in
from vllm_manager.auth.subjects import Subjects
from vllm_manager.db import Database
from vllm_manager.kit.paging import Page
from vllm_manager.limits import Usage, UsageLedger, UsageRecord, UsageReport, UsageTotals
from vllm_manager.limits.prices import Prices
from vllm_manager.limits.schemas import GroupBy

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOURS_KEPT = timedelta(days=35)
KEPT = timedelta(days=730)


def record(at: datetime = NOON, **more: Any) -> UsageRecord:
    """Return one request for “demo” with `key_1` of `usr_1`."""
    values: dict[str, Any] = {"model": "demo", "status": 200, "key": "key_1", "user": "usr_1"}
    return UsageRecord(at=at.timestamp(), **{**values, **more})


@dataclass(slots=True)
class Books:
    """The room on a database of its own, on a clock that stands at noon."""

    database: Database
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOON))
    ledger: UsageLedger = field(init=False)
    totals: UsageTotals = field(init=False)
    prices: Prices = field(init=False)
    _batches: int = 0

    def __post_init__(self) -> None:
        self.ledger = UsageLedger(self.database, self.clock, HOURS_KEPT, KEPT)
        subjects = Subjects(self.database)
        self.totals = UsageTotals(self.database, self.clock, subjects, HOURS_KEPT, "EUR")
        self.prices = Prices(self.database, self.clock, "EUR")

    async def count(self, *records: UsageRecord) -> None:
        """Count records as a batch of their own."""
        self._batches += 1
        assert await self.ledger.record(UsageReport(f"bat_{self._batches}", list(records)))

    async def sums(
        self,
        *group_by: GroupBy,
        since: datetime | None = None,
        until: datetime | None = None,
        only: Mapping[str, str] | None = None,
    ) -> Sequence[Usage]:
        """Return all sums; by model where nothing else is named."""
        asked = self.totals.asked(group_by or ["model"], since, until, only)
        return (await self.totals.page(asked, None, 1000)).items

    async def page(self, *group_by: GroupBy, cursor: str | None, limit: int) -> Page[Usage]:
        return await self.totals.page(self.totals.asked(group_by), cursor, limit)


@asynccontextmanager
async def books_in(folder: Path) -> AsyncGenerator[Books]:
    async with database_in(folder) as database:
        yield Books(database)
