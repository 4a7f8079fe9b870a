"""Sums two-second steps up to minutes, and has them written: minute by minute, hour by hour."""

import logging
from typing import Final

from vllm_manager.kit.clock import Clock
from vllm_manager.monitoring.samples import minutes
from vllm_manager.monitoring.samples.archive import Archive
from vllm_manager.monitoring.samples.columns import Ring
from vllm_manager.monitoring.samples.question import DAY, HOUR, MINUTE, WEEK_SECONDS
from vllm_manager.monitoring.samples.turns import Pieces, in_turns

log = logging.getLogger(__name__)

_SWEEPS: Final = 60
_MINUTES_PER_HOUR = HOUR // MINUTE


class Rollup:
    """What was closed is written by `write`, which may fail and be called again."""

    def __init__(self, fine: Ring, archive: Archive, clock: Clock) -> None:
        self.minutes = minutes.new_ring()
        self.began_empty = False
        """Whether nothing older than this process is remembered."""
        self._fine = fine
        self._archive = archive
        self._clock = clock
        self._unwritten: list[int] = []
        """Minutes that are closed, and not written."""
        self._hour = int(clock.now().timestamp()) // HOUR
        """The hour whose minutes are being collected."""
        self._part: tuple[int, float] | None = None
        """The last minute that an earlier process wrote, and how many of its seconds that knew."""
        self._is_mine = False
        self._times_emptied = 0
        self._offset = self.now - clock.monotonic()
        self._jumped_at = 0.0
        self._ahead: list[int] | None = None
        """The hours written since the wall clock was set far ahead, while that may be wrong."""

    @property
    def now(self) -> float:
        """The wall clock, in seconds since 1970."""
        return self._clock.now().timestamp()

    async def restore(self) -> None:
        """Take up where an earlier process left off."""
        self.began_empty = await self._archive.is_empty()
        await self._adopt()

    async def _adopt(self) -> None:
        """Take in what another process wrote of this hour, and finish the hours before."""
        now = int(self.now)
        self._times_emptied = self.minutes.times_emptied
        closed = self.minutes.newest
        until = await self._archive.restore(self.minutes, now // HOUR * HOUR)
        minute = int(until) // MINUTE
        if minute == self.minutes.newest and minute != closed:
            self._part = minute, until - minute * MINUTE
        self._hour = now // HOUR
        self._is_mine = self._archive.is_mine

    def close_minutes(self) -> Pieces[None]:
        """Sum up every minute that is over since the last call.

        Whoever leaves it between two pieces and calls it anew loses nothing: a minute is closed at
        once when all of it is summed up.
        """
        newest = self._fine.newest
        if newest is None:
            return
        now = newest * self._fine.step // MINUTE
        closed = self.minutes.newest
        if closed is not None and closed > now:  # the wall clock was set back
            self.minutes.advance(now - 1)
            self._unwritten = [minute for minute in self._unwritten if minute < now]
            return
        begin = max(now - minutes.SLOTS + 1, (self._fine.oldest or 0) * self._fine.step // MINUTE)
        for minute in range(begin if closed is None else max(begin, self._open_from(closed)), now):
            if not (yield from self._close(minute)):
                return

    @property
    def closed_until(self) -> int:
        """Where the minutes end that are known as a whole, in seconds since 1970."""
        closed = self.minutes.newest
        return 0 if closed is None else self._open_from(closed) * MINUTE

    def _open_from(self, closed: int) -> int:
        is_part = self._part is not None and self._part[0] == closed
        return closed if is_part else closed + 1

    def _close(self, minute: int) -> Pieces[bool]:
        """Return whether it was done: not where another process's minutes came in meanwhile."""
        before_seconds = 0.0
        if self._part is not None and self._part[0] == minute:
            before_seconds = self._part[1]
        closed = self.minutes.newest
        found = yield from minutes.summed(self._fine, self.minutes, minute, before_seconds)
        if self.minutes.newest != closed:
            return False
        self._part = None
        minutes.close(self.minutes, minute, found, adds=before_seconds > 0)
        self._unwritten.append(minute)
        del self._unwritten[: -minutes.SLOTS]
        self._fine.sweep(minute, _SWEEPS)
        self.minutes.sweep(minute, _SWEEPS)
        return True

    async def write(self) -> None:
        """Write the minutes that are closed, and the hour if one is over."""
        if not self._archive.is_mine:
            self._is_mine = False
            self._unwritten.clear()
            return
        await self._follow_clock()
        if not self._is_mine or self.minutes.times_emptied != self._times_emptied:
            await self._adopt()
        if self._unwritten:
            await self._write_minutes(list(self._unwritten))
        if self.minutes.newest is None:
            return
        over = (self.minutes.newest + 1) // _MINUTES_PER_HOUR
        self._hour = min(self._hour, over)
        while self._hour < over:
            hour = self._hour * HOUR
            if not await self._archive.write_hour(self.minutes, hour, prunes=self._ahead is None):
                return
            if self._ahead is not None:
                self._ahead.append(hour)
            self._hour += 1

    async def _follow_clock(self) -> None:
        """Prune nothing by a wall clock that was set far ahead, and take back what it dated."""
        monotonic = self._clock.monotonic()
        offset, before = self.now - monotonic, self._offset
        if offset - before > DAY:
            self._jumped_at, self._ahead = monotonic, []
        elif self._ahead is not None and before - offset > DAY:
            await self._archive.forget_ahead(self._ahead, self.now)
            self._ahead = None
        elif monotonic - self._jumped_at > WEEK_SECONDS:
            self._ahead = None
        self._offset = offset

    async def flush(self) -> None:
        """Write the minute that is not over yet, too: the process ends, whether it can or not."""
        newest = self._fine.newest
        if newest is None or not self._archive.is_mine:
            return
        await in_turns(self.close_minutes())
        await in_turns(self._close(newest * self._fine.step // MINUTE))
        try:
            await self._write_minutes(list(self._unwritten))
        except Exception:
            log.exception("The last minute of figures could not be written")

    async def _write_minutes(self, closed: list[int]) -> None:
        packed = {
            minute * MINUTE: await in_turns(minutes.pack(self.minutes, minute)) for minute in closed
        }
        if await self._archive.write_minutes(packed):
            self._unwritten = [minute for minute in self._unwritten if minute not in closed]
