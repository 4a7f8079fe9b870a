"""Usage: counts the gateway's batches exactly once, and keeps what was counted small."""

from datetime import timedelta

from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.limits import store
from vllm_manager.limits.counting import sum_by_day, sum_by_hour
from vllm_manager.limits.schemas import UsageReport
from vllm_manager.limits.spans import day_number

# The ids of batches of which the gateway never said that they are deleted. One that could not
# deliver for this long has lost its batch anyway.
_REMEMBER_BATCHES = timedelta(days=30)


class UsageLedger:
    """The sums by hour and by day of what was asked of the models.

    Each batch is added to both at once, so that nothing has to be folded later: hours are simply
    deleted after `hours_kept`, days after `kept`.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        hours_kept: timedelta = timedelta(days=35),
        kept: timedelta = timedelta(days=730),
    ) -> None:
        self._database = database
        self._clock = clock
        self._hours_kept = hours_kept
        self._kept = kept

    async def record(self, report: UsageReport) -> bool:
        """Count a batch; return False where it had been counted before."""
        hours = sum_by_hour(report.records)
        days = sum_by_day(hours)
        async with self._database.unit_of_work() as session:
            await store.forget_batches(session, report.deleted)
            is_new = await store.claim(session, report.batch, self._clock.now())
            if is_new:
                await store.add(session, hours, days)
        return is_new

    async def prune(self) -> None:
        """Delete hours and days that are kept no longer, and the ids of old batches.

        One transaction. Where it is cut short nothing is gone, and the next one deletes the same.
        """
        now = self._clock.now()
        first_hour = 24 * day_number((now - self._hours_kept).date())
        first_day = day_number((now - self._kept).date())
        async with self._database.unit_of_work() as session:
            await store.prune(session, first_hour, first_day, now - _REMEMBER_BATCHES)
