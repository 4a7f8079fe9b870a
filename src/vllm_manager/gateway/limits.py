"""Rates and quotas: what each subject of a request may use, and what is left of it.

Buckets fill continuously and hold one minute's worth. What is in one is kept as the moment at which
it will be full: taking moves it on, time comes nearer by itself. A request takes what it may use at
most; what it did not use comes back when it is settled. A request that is larger than a bucket
waits for a full one and leaves it in debt. A quota that is not used up admits one more request, so
it is passed by one request's reservation at most.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from vllm_manager.gateway.accounts import (
    DAY,
    EARLIER,
    GENERATION,
    LATEST,
    MONTH,
    REQUESTS,
    SUM,
    TOKENS,
    Accounts,
)
from vllm_manager.gateway.asgi import Headers
from vllm_manager.gateway.counts import Counts
from vllm_manager.gateway.plans import MINUTE, NO_PLAN, ROUNDING, Limited, Plan
from vllm_manager.gateway.reservations import Part, Taken
from vllm_manager.gateway.snapshot import Used

_DAY_SECONDS = 86_400.0
_FULL_AND_MORE = MINUTE + ROUNDING
_NONE: Sequence[float] = ()


class Calendar(NamedTuple):
    """A moment as quotas know it: the day since 1970 and the month since year 0, in UTC."""

    day: int
    month: int


class Short(NamedTuple):
    """What a request lacks: of whom, of what, and when there will be enough."""

    limited: Limited
    what: str
    wait_seconds: float
    is_quota: bool


class Book:
    """Checks, takes and gives back, for all limits of a request at once.

    Hold the accounts' lock from `has_room` to `take`, and around `settle`.
    """

    def __init__(
        self,
        accounts: Accounts,
        counts: Counts,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.accounts = accounts
        self._cells = accounts.cells
        self._open = accounts.reservations.open
        self._counts = counts
        self._monotonic = monotonic
        self._now = now
        self._today = Calendar(0, 0)
        self._today_from = self._today_until = 0.0
        self._full_at: Sequence[float] = _NONE
        self._at = 0.0
        with accounts:
            accounts.begin(monotonic())

    def plan(self, limited: Sequence[Limited]) -> Plan:
        """Return the plan of a caller who falls under these limits."""
        generation = self._cells[GENERATION]
        return Plan(limited, self._counts, generation) if limited else NO_PLAN

    def open(self, subject: str, used: Used | None) -> int | None:
        """Return the row of a subject; one that no memory is kept of begins with what is `used`."""
        with self.accounts:
            place = self.accounts.place(subject, self._monotonic(), self.calendar().month)
            if place is None:
                return None
            row, is_new = place
            if is_new and used is not None:
                self._seed(row, used)
            return row

    def has_room(self, plan: Plan, tokens: int, today: Calendar) -> bool:
        """Return whether a request of so many tokens has room everywhere; takes nothing."""
        cells, now = self._cells, self._monotonic()
        if plan.generation != cells[GENERATION]:
            self._find_anew(plan)
        soon, until = now + ROUNDING, now + _FULL_AND_MORE
        full_at: list[float] = []
        for cell, step in plan.request_steps:
            at = cells[cell]
            at = now + step if at < now else at + step
            if at > until:
                return False
            full_at.append(at)
        for cell, step in plan.token_steps:
            at = cells[cell]
            if at <= soon:  # it is full: then more than it holds is let through, too
                at = now + tokens * step
            else:
                at += tokens * step
                if at > until:
                    return False
            full_at.append(at)
        if plan.quotas and not self._have_tokens(plan, today):
            return False
        if plan.at_once and not self._counts.are_below(plan.at_once):
            return False
        self._full_at, self._at = full_at, now
        return True

    def _find_anew(self, plan: Plan) -> None:
        """Find the plan's rows again: one of them may have become another subject's.

        Only a full bucket and a quota of a month that is over are lost by that, so what is given
        back to a new row afterwards changes nothing.
        """
        now, month = self._monotonic(), self.calendar().month
        found = [(one, self.accounts.place(one.subject, now, month)) for one in plan.limited]
        limited = [one._replace(row=place[0]) for one, place in found if place is not None]
        plan.lay_out(limited, self._cells[GENERATION])
        for at in plan.open_places.values():
            self.accounts.reservations.move(at, self._parts(plan))

    def _have_tokens(self, plan: Plan, today: Calendar) -> bool:
        cells, day = self._cells, today.day
        for day_cell, sum_cell, earlier_cell, daily, monthly in plan.quotas:
            if cells[day_cell] != day:
                self._turn(day_cell - DAY, today)
            spent = cells[sum_cell]
            if spent >= monthly or spent - cells[earlier_cell] >= daily:
                return False
        return True

    def _turn(self, row: int, today: Calendar) -> None:
        """Begin a day, and its month."""
        cells, (day, month) = self._cells, today
        if cells[row + MONTH] != month:
            cells[row + MONTH], cells[row + SUM] = month, 0
        cells[row + DAY], cells[row + EARLIER] = day, cells[row + SUM]

    def take(self, plan: Plan, tokens: int, today: Calendar) -> None:
        """Take what `has_room` has just found room for."""
        cells = self._cells
        cells[LATEST] = self._at
        full_at = self._full_at
        for number, cell in enumerate(plan.cells):
            cells[cell] = full_at[number]
        if plan.quotas:
            for _, cell in plan.sums:
                cells[cell] += tokens
        if plan.at_once:
            self._counts.add_all(plan.at_once, 1)
        if plan.takes_tokens:
            at = plan.open_places.get(today.day)
            self._open[self._note(plan, today) if at is None else at] += tokens

    def _note(self, plan: Plan, today: Calendar) -> int:
        """Return where the plan's open tokens of a day are noted."""
        taken = Taken(*today, self._parts(plan))
        return self.accounts.reservations.place(plan.open_places, taken)

    def _parts(self, plan: Plan) -> list[Part]:
        steps, names = dict(plan.token_steps), self.accounts.names
        charged = {quota.sum_cell for quota in plan.quotas}
        return [
            Part(names[row], row, steps.get(row + TOKENS, 0), float(row + SUM in charged))
            for row in (one.row for one in plan.limited)
        ]

    def settle(self, plan: Plan, reserved: int, used: int, taken_on: Calendar) -> None:
        """Give back what was taken and not used; more than was taken becomes a debt.

        It is no longer open before it is given back: killed in between, it stays taken, and is
        never given back twice. What was taken from a day that is over comes back to no other. A
        bucket may be full since before now: whoever looks next takes it for just full.
        """
        cells, back = self._cells, reserved - used
        if plan.generation != cells[GENERATION]:
            self._find_anew(plan)
        at = plan.open_places.get(taken_on.day)
        if at is not None:
            self._open[at] -= reserved
        for cell, step in plan.token_steps:
            cells[cell] -= back * step
        if plan.quotas:
            day = taken_on.day
            for day_cell, sum_cell in plan.sums:
                if cells[day_cell] == day:
                    cells[sum_cell] -= back
                else:
                    self.accounts.give_back_late(day_cell - DAY, back, taken_on.month)
        if plan.at_once:
            self._counts.add_all(plan.at_once, -1)

    def headers(self, plan: Plan) -> Headers:
        """Return OpenAI's headers for the tightest bucket of each kind, as things are now."""
        now, cells = self._monotonic(), self._cells
        return _told(plan, [max(now, cells[cell]) for cell in plan.cells], now)

    def headers_of_taken(self, plan: Plan) -> Headers:
        """Return the same as `take` has just left it."""
        return _told(plan, self._full_at, self._at)

    def shortage(self, plan: Plan, tokens: int) -> Short | None:
        """Return what is lacking the longest for a request that has no room."""
        now = self._monotonic()
        found = [self._shortage_of(one, tokens, now) for one in plan.limited]
        known = [short for short in found if short is not None]
        return max(known, key=lambda short: short.wait_seconds, default=None)

    def calendar(self) -> Calendar:
        """Return this day and this month."""
        now = self._now()
        if not self._today_from <= now < self._today_until:
            at = time.gmtime(now)
            day = int(now // _DAY_SECONDS)
            self._today = Calendar(day, at.tm_year * 12 + at.tm_mon)
            self._today_from, self._today_until = day * _DAY_SECONDS, (day + 1) * _DAY_SECONDS
        return self._today

    def _shortage_of(self, one: Limited, tokens: int, now: float) -> Short | None:
        limits = one.limits
        found: list[Short] = []
        for cell, size, need, what in (
            (REQUESTS, limits.requests_per_minute, 1, "requests a minute"),
            (TOKENS, limits.tokens_per_minute, tokens, "tokens a minute"),
        ):
            if size is not None:
                full_in = self._cells[one.row + cell] - now
                wait = full_in - MINUTE + min(need, size) * MINUTE / size
                if wait > ROUNDING:
                    found.append(Short(one, f"{size:,} {what}", wait, is_quota=False))
        found += self._used_up(one)
        most = limits.concurrent_requests
        if most is not None and self._counts.total(one.subject) >= most:
            found.append(Short(one, f"{most:,} requests at once", 1, is_quota=False))
        return max(found, key=lambda short: short.wait_seconds, default=None)

    def _used_up(self, one: Limited) -> list[Short]:
        limits, cells, row = one.limits, self._cells, one.row
        day, month = self.calendar()
        found: list[Short] = []
        daily, monthly = limits.tokens_per_day, limits.tokens_per_month
        spent = cells[row + SUM]
        today = spent - cells[row + EARLIER] if cells[row + DAY] == day else 0
        if daily is not None and today >= daily:
            wait = _DAY_SECONDS - self._now() % _DAY_SECONDS
            found.append(Short(one, f"{daily:,} tokens a day", wait, is_quota=True))
        if monthly is not None and cells[row + MONTH] == month and spent >= monthly:
            wait = self._until_next_month()
            found.append(Short(one, f"{monthly:,} tokens a month", wait, is_quota=True))
        return found

    def _seed(self, row: int, used: Used) -> None:
        cells, today = self._cells, self.calendar()
        told = datetime.fromisoformat(used.day).replace(tzinfo=UTC)
        if told.year * 12 + told.month != today.month:
            return
        self._turn(row, today)
        cells[row + SUM] = cells[row + EARLIER] = used.tokens_this_month
        if int(told.timestamp() // _DAY_SECONDS) == today.day:
            cells[row + EARLIER] -= used.tokens_today

    def _until_next_month(self) -> float:
        at = datetime.fromtimestamp(self._now(), UTC)
        year, month = (at.year + 1, 1) if at.month == 12 else (at.year, at.month + 1)
        return (datetime(year, month, 1, tzinfo=UTC) - at).total_seconds()


def _told(plan: Plan, full_at: Sequence[float], now: float) -> Headers:
    found: Headers = []
    requests, tokens = plan.requests, plan.tokens
    if requests.flows:
        requests.tell(found, full_at, 0, now)
    if tokens.flows:
        tokens.tell(found, full_at, len(requests.flows), now)
    return found
