"""What the database remembers: minutes for a week, hours for a year, in packed blocks."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from vllm_manager.db import Database, Lease
from vllm_manager.monitoring.samples import minutes, store
from vllm_manager.monitoring.samples.blocks import Block, coarser
from vllm_manager.monitoring.samples.columns import Ring, ScalarSpan, Span
from vllm_manager.monitoring.samples.figures import Labels
from vllm_manager.monitoring.samples.lines import Series
from vllm_manager.monitoring.samples.question import (
    DAY,
    HOUR,
    MINUTE,
    TEN_MINUTES,
    WEEK_SECONDS,
    YEAR_SECONDS,
    Question,
)
from vllm_manager.monitoring.samples.turns import Pieces, in_turns


class Tier(NamedTuple):
    """Values `step` seconds apart, `slots` of them in each block."""

    step: int
    slots: int
    kept_seconds: int

    @property
    def seconds(self) -> int:
        """How long a block is."""
        return self.step * self.slots

    def start(self, moment: float) -> int:
        """Return where the block begins that holds a moment."""
        return int(moment // self.seconds) * self.seconds

    def wanted(self, question: Question, start: int, until: int) -> slice:
        """Return which slots of the block that begins at `start` a question is about.

        What is written ends at `until`: of a slot that is not over then, nothing is left out.
        """
        first = max(0, (question.start - start) // self.step)
        end = min(question.end, until)
        return slice(first, min(self.slots, -(-(end - start) // self.step)))


MINUTES: Final = Tier(MINUTE, 60, WEEK_SECONDS + DAY)
TENS: Final = Tier(TEN_MINUTES, 144, WEEK_SECONDS + DAY)
HOURS: Final = Tier(HOUR, 168, YEAR_SECONDS + WEEK_SECONDS)
TIERS: Final = (MINUTES, TENS, HOURS)
"""Each block of hours is written anew every hour. Tens make a chart over a week quick."""


class Archive:
    """Writes what others may not, hence only for the holder of the lease; reads for everybody."""

    def __init__(self, database: Database, lease: Lease) -> None:
        self._database = database
        self._lease = lease

    @property
    def is_mine(self) -> bool:
        """Whether this process is the one that writes."""
        return self._lease.is_mine

    async def is_empty(self) -> bool:
        """Whether nothing was ever written."""
        async with self._database.read() as session:
            return await store.is_empty(session)

    async def restore(self, ring: Ring, hour: int) -> float:
        """Read the minutes of an hour that is not over into a ring, where it knows nothing better.

        Earlier hours, which another process did not finish, are written as blocks. Later ones are
        of a wall clock that was ahead. Return when the newest of the hour's was measured, else 0.
        """
        until = 0.0
        async with self._database.read() as session:
            rows = await store.minutes(session)
        unfinished: defaultdict[int, list[tuple[int, bytes]]] = defaultdict(list)
        for start, data in rows:
            unfinished[start // HOUR * HOUR].append((start, data))
        for begin, found in sorted(unfinished.items()):
            if begin > hour:
                break
            if begin == hour:
                until = await _fill(ring, found)
                continue
            whole = minutes.new_ring()
            await _fill(whole, found)
            whole.advance((begin + HOUR) // MINUTE - 1)
            await self.write_hour(whole, begin, prunes=False)
        return until

    async def write_minutes(self, packed: Mapping[int, bytes]) -> bool:
        """Write minutes, by their start; return whether it was for this process to do."""
        async with self._database.unit_of_work() as session:
            if not await self._lease.is_still_mine(session):
                return False
            for start, data in packed.items():
                await store.put_minute(session, start, data)
        return True

    async def write_hour(self, ring: Ring, hour: int, *, prunes: bool) -> bool:
        """Write an hour that is over into the blocks of every tier, and drop its minutes.

        Return whether it was done: it is for another process to do, or, where the wall clock was
        set back meanwhile, for later. What is older than its tier keeps is dropped if it `prunes`.
        """
        times_emptied = ring.times_emptied
        packed: dict[tuple[Tier, str], bytes] = {}
        for name in ring.figures():
            packed |= await self._packed(ring, name, hour)
        if ring.times_emptied != times_emptied or not _is_over(ring, hour):
            return False
        async with self._database.unit_of_work() as session:
            if not await self._lease.is_still_mine(session):
                return False
            for (tier, name), data in packed.items():
                await store.put_block(session, tier.step, name, tier.start(hour), data)
            await store.forget_minutes(session, hour + HOUR)
            for tier in TIERS if prunes else ():
                await store.forget_blocks(session, tier.step, hour - tier.kept_seconds)
        return True

    async def _packed(self, ring: Ring, name: str, hour: int) -> dict[tuple[Tier, str], bytes]:
        """Return one figure's blocks with an hour more."""
        series = await in_turns(_cut(ring, name, hour // MINUTE))
        if not series:
            return {}
        async with self._database.read() as session:
            before = [
                await store.block(session, tier.step, name, tier.start(hour)) for tier in TIERS
            ]
        return {
            (tier, name): await asyncio.to_thread(_packed, tier, hour, old, series)
            for tier, old in zip(TIERS, before, strict=True)
        }

    async def forget_ahead(self, hours: Collection[int], now: float) -> None:
        """Drop, of hours that were written while the wall clock was ahead, what is after `now`."""
        async with self._database.unit_of_work() as session:
            if not await self._lease.is_still_mine(session):
                return
            for tier in TIERS:
                starts = {start for hour in hours if (start := tier.start(hour)) > now}
                await store.forget_some(session, tier.step, starts)
            await store.forget_minutes_after(session, now)

    async def read(self, question: Question, now: float) -> tuple[Mapping[Labels, Series], int]:
        """Return the series of a question, and where what is written of its figure ends.

        That is never after `now`, whatever a wall clock that was ahead has written.
        """
        name = question.figure.name
        tier = tier_for(question)
        async with self._database.read() as session:
            newest = await store.newest(session, MINUTES.step, name, now - MINUTES.seconds)
            if newest is None:
                return {}, 0
            end = newest + MINUTES.seconds
            first = tier.start(question.start)
            rows = await store.blocks(session, tier.step, name, first, min(end, question.end))
        return await asyncio.to_thread(_series, question, tier, rows, end), end


async def _fill(ring: Ring, rows: Sequence[tuple[int, bytes]]) -> float:
    """Fill in minutes one by one: of many series, an hour of them takes seconds."""
    until = 0.0
    for start, data in rows:
        minute = start // MINUTE
        if ring.newest is None or minute > ring.newest:
            ring.advance(minute)
        unpacked = await asyncio.to_thread(minutes.unpack, data, minute)
        await in_turns(minutes.fill(ring, minute, unpacked))
        until = unpacked.until
    return until


def tier_for(question: Question) -> Tier:
    """Return the coarsest tier whose values fall into one step of the question each."""
    return next(t for t in reversed(TIERS) if question.step % t.step == 0 or t is MINUTES)


def _is_over(ring: Ring, hour: int) -> bool:
    return ring.newest is not None and ring.newest >= (hour + HOUR) // MINUTE - 1


def _cut(ring: Ring, name: str, first: int) -> Pieces[Mapping[Labels, Span]]:
    """Return a figure's series of which anything is known in the hour from minute `first` on."""
    found: dict[Labels, Span] = {}
    for labels, column in list(ring.of(name).items()):
        yield
        span = ring.span(column, first, first + MINUTES.slots)
        if span is not None and minutes.is_known(span):
            found[labels] = span
    return found


def _packed(tier: Tier, hour: int, old: bytes | None, series: Mapping[Labels, Span]) -> bytes:
    block = Block(tier.slots) if old is None else Block.unpack(old, tier.slots)
    for labels, span in series.items():
        offset = (hour - tier.start(hour)) // tier.step
        block.put(labels, offset, coarser(span, tier.step // MINUTE))
    return block.pack()


def _series(
    question: Question, tier: Tier, rows: Sequence[tuple[int, bytes]], end: int
) -> Mapping[Labels, Series]:
    spans: defaultdict[Labels, list[Span]] = defaultdict(list)
    for start, data in rows:
        block = Block.unpack(data, tier.slots, question.wants)
        wanted = tier.wanted(question, start, end)
        for labels, codes in block.series.items():
            spans[labels].append(codes.span(start, tier.step, wanted))
    return {labels: Series(labels, found, _newest(found[-1])) for labels, found in spans.items()}


def _newest(span: Span) -> float | None:
    """Return the beginning of the last step of which anything is known.

    Rather too early, since nothing may look fresh that is not.
    """
    values = span.means if isinstance(span, ScalarSpan) else span.sums
    for index in range(len(values) - 1, -1, -1):
        if values[index] == values[index]:
            return float(span.start + index * span.step)
    return None
