"""Usage: counts the gateway's batches exactly once and answers with sums."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import FieldError, invalid
from vllm_manager.kit.paging import Page, cut, decode_cursor
from vllm_manager.limits import store
from vllm_manager.limits.schemas import GroupBy, Usage, UsageRecord, UsageReport
from vllm_manager.limits.store import Slot, Sums

# A gateway that could not deliver for this long has lost its batch anyway.
_REMEMBER_BATCHES = timedelta(days=30)


class UsageLedger:
    """The hourly sums of what was asked of the models."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def record(self, report: UsageReport) -> bool:
        """Count a batch; return False where it had been counted before."""
        sums = _sum(report.records)
        async with self._database.unit_of_work() as session:
            if not await store.claim(session, report.batch, self._clock.now()):
                return False
            await store.add(session, sums)
        return True

    async def totals(
        self,
        group_by: Sequence[GroupBy],
        since: datetime | None,
        until: datetime | None,
        cursor: str | None,
        limit: int,
        user_id: str | None = None,
    ) -> Page[Usage]:
        """Return a page of sums per group, ordered by the groups; of one user where one is named.

        Raises:
            Problem: `invalid_request` (422) for a span that ends before it begins.
        """
        _require_span(since, until)
        after = decode_cursor(cursor)
        async with self._database.read() as session:
            rows = await store.totals(session, group_by, since, until, user_id)
        keyed = [("\x1f".join(str(row[name]) for name in group_by), row) for row in rows]
        keyed.sort(key=lambda pair: pair[0])
        left = [pair for pair in keyed if after is None or pair[0] > after][: limit + 1]
        page, next_cursor = cut([row for _, row in left], limit, [key for key, _ in left])
        usages = [Usage.model_validate(_named(row)) for row in page]
        return Page(items=usages, next_cursor=next_cursor)

    async def prune(self) -> None:
        """Forget the ids of old batches."""
        async with self._database.unit_of_work() as session:
            await store.forget_batches(session, self._clock.now() - _REMEMBER_BATCHES)


def _sum(records: Sequence[UsageRecord]) -> dict[Slot, Sums]:
    sums: defaultdict[Slot, Sums] = defaultdict(Sums)
    for record in records:
        hour = datetime.fromtimestamp(record.at // 3600 * 3600, UTC)
        who = (record.key or "", record.user or "", record.team or "")
        slot = sums[Slot(hour, *who, record.model)]
        slot.requests += 1
        slot.errors += record.status >= 400
        slot.prompt_tokens += record.prompt_tokens or 0
        slot.completion_tokens += record.completion_tokens or 0
        slot.cached_tokens += record.cached_tokens or 0
    return dict(sums)


def _named(row: Mapping[str, object]) -> dict[str, object]:
    """An empty id means that there was none."""
    return {name: None if value == "" else value for name, value in row.items()}


def _require_span(since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None and until <= since:
        raise invalid([FieldError(field="to", message="Must be later than `from`.")])
