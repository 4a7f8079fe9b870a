"""Rates and quotas: what each subject of a request may use, and what is left of it.

Buckets fill continuously and hold one minute's worth. A request takes what it may use at most; what
it did not use comes back when it is settled. A request that is larger than a bucket waits for a
full one and leaves it in debt. A quota that is not used up admits one more request, so it is passed
by one request's reservation at most.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import ceil, inf
from typing import NamedTuple

from vllm_manager.gateway.accounts import (
    DAY,
    MONTH,
    REQUESTS_LEVEL,
    TOKENS_LEVEL,
    Accounts,
)
from vllm_manager.gateway.asgi import Headers
from vllm_manager.gateway.counts import Counts
from vllm_manager.gateway.reservations import Taken
from vllm_manager.gateway.snapshot import Limits, Used

_MINUTE = 60.0
_DAY_SECONDS = 86_400.0
_TODAY, _THIS_MONTH = DAY + 1, MONTH + 1
_NONE: Sequence[float] = ()


class Calendar(NamedTuple):
    """A moment as quotas know it: the day since 1970 and the month since year 0, in UTC."""

    day: int
    month: int


class Limited(NamedTuple):
    """A subject with limits that a request falls under."""

    subject: str
    words: str
    """What it is called in a refusal: `key “ci”`."""
    limits: Limits
    row: int


class Short(NamedTuple):
    """What a request lacks: of whom, of what, and when there will be enough."""

    limited: Limited
    what: str
    wait_seconds: float
    is_quota: bool


Bucket = tuple[int, int, float]
"""Its cell, its size, and its flow per second."""


class Plan:
    """The limits of one caller at one model, flattened so that each request walks them quickly."""

    __slots__ = (
        "at_once",
        "limited",
        "open_places",
        "quota_rows",
        "quotas",
        "requests",
        "takes_tokens",
        "token_cells",
        "tokens",
    )

    def __init__(self, limited: Sequence[Limited], counts: Counts | None = None) -> None:
        """`counts`: where requests under way are counted; None where none are limited."""
        self.limited = tuple(limited)
        self.requests: list[Bucket] = []
        self.tokens: list[Bucket] = []
        self.quotas: list[tuple[int, float, float]] = []
        """Row, tokens a day and tokens a month."""
        self.at_once: list[tuple[int, int]] = []
        """Column of the counts, and the most requests at once."""
        for subject, _, limits, row in self.limited:
            for buckets, cell, size in (
                (self.requests, REQUESTS_LEVEL, limits.requests_per_minute),
                (self.tokens, TOKENS_LEVEL, limits.tokens_per_minute),
            ):
                if size is not None:
                    buckets.append((row + cell, size, size / _MINUTE))
            day, month = limits.tokens_per_day, limits.tokens_per_month
            if day is not None or month is not None:
                self.quotas.append(
                    (row, inf if day is None else day, inf if month is None else month)
                )
            if limits.concurrent_requests is not None and counts is not None:
                self.at_once.append((counts.column(subject), limits.concurrent_requests))
        self.token_cells = [cell for cell, _, _ in self.tokens]
        self.quota_rows = [row for row, _, _ in self.quotas]
        self.takes_tokens = bool(self.tokens or self.quotas)
        self.open_places: dict[int, int] = {}
        """Where what is taken is noted as open, by the day."""


NO_PLAN = Plan(())


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
        self._requests: Sequence[float] = _NONE
        self._tokens: Sequence[float] = _NONE
        self._at = 0.0

    def plan(self, limited: Sequence[Limited]) -> Plan:
        """Return the plan of a caller who falls under these limits."""
        return Plan(limited, self._counts) if limited else NO_PLAN

    def open(self, subject: str, used: Used | None) -> int | None:
        """Return the row of a subject; one that no memory is kept of begins with what is `used`."""
        with self.accounts:
            place = self.accounts.place(subject)
            if place is None:
                return None
            row, is_new = place
            if is_new and used is not None:
                self._seed(row, used)
            return row

    def has_room(self, plan: Plan, tokens: int, today: Calendar) -> bool:
        """Return whether a request of so many tokens has room everywhere; changes nothing."""
        now = self._monotonic()
        requests = self._drawn(plan.requests, 1, now) if plan.requests else _NONE
        levels = self._drawn(plan.tokens, tokens, now) if plan.tokens else _NONE
        if requests is None or levels is None:
            return False
        cells = self._cells
        day, month = today
        for row, daily, monthly in plan.quotas:
            if cells[row + DAY] == day:  # then its month is this one, too
                if cells[row + _TODAY] >= daily or cells[row + _THIS_MONTH] >= monthly:
                    return False
            elif cells[row + MONTH] == month and cells[row + _THIS_MONTH] >= monthly:
                return False
        if plan.at_once and not self._counts.are_below(plan.at_once):
            return False
        self._requests, self._tokens, self._at = requests, levels, now
        return True

    def _drawn(self, buckets: Sequence[Bucket], need: int, now: float) -> Sequence[float] | None:
        """Return what would be in each bucket after `need` was taken; None where one lacks it."""
        cells, levels = self._cells, list[float]()
        for cell, size, flow in buckets:
            at = cells[cell + 1]
            if at == 0.0 or now < at:  # nothing was taken yet, or the machine's clock began anew
                level: float = size
            else:
                level = cells[cell] + (now - at) * flow
                if level > size:
                    level = size
            if level < need and level < size:
                return None
            levels.append(level - need)
        return levels

    def take(self, plan: Plan, tokens: int, today: Calendar) -> None:
        """Take what `has_room` has just found room for."""
        cells, now = self._cells, self._at
        for buckets, levels in ((plan.requests, self._requests), (plan.tokens, self._tokens)):
            for (cell, _, _), level in zip(buckets, levels, strict=True):
                cells[cell], cells[cell + 1] = level, now
        day, month = today
        for row, _, _ in plan.quotas:
            if cells[row + DAY] != day:
                cells[row + DAY], cells[row + _TODAY] = day, 0
                if cells[row + MONTH] != month:
                    cells[row + MONTH], cells[row + _THIS_MONTH] = month, 0
            cells[row + _TODAY] += tokens
            cells[row + _THIS_MONTH] += tokens
        if plan.at_once:
            self._counts.add_all(plan.at_once, 1)
        if plan.takes_tokens:
            at = plan.open_places.get(day)
            self._open[self._note(plan, today) if at is None else at] += tokens

    def _note(self, plan: Plan, today: Calendar) -> int:
        taken = Taken(plan.token_cells, plan.quota_rows, *today)
        return self.accounts.reservations.place(plan.open_places, taken)

    def settle(self, plan: Plan, reserved: int, used: int, taken_on: Calendar) -> None:
        """Give back what was taken and not used; more than was taken becomes a debt.

        It is no longer open before it is given back: killed in between, it stays taken, and is
        never given back twice. What was taken from a day that is over comes back to no other. A
        bucket may hold more than its size for a moment: whoever looks next takes it for full.
        """
        cells, back = self._cells, reserved - used
        day, month = taken_on
        at = plan.open_places.get(day)
        if at is not None:
            self._open[at] -= reserved
        for cell in plan.token_cells:
            cells[cell] += back
        for row in plan.quota_rows:
            if cells[row + DAY] == day:
                cells[row + _TODAY] -= back
                cells[row + _THIS_MONTH] -= back
            elif cells[row + MONTH] == month:
                cells[row + _THIS_MONTH] -= back
        if plan.at_once:
            self._counts.add_all(plan.at_once, -1)

    def headers(self, plan: Plan) -> Headers:
        """Return OpenAI's headers for the tightest bucket of each kind, as things are now."""
        now = self._monotonic()
        requests, tokens = (
            [self._level(cell, size, now) for cell, size, _ in buckets]
            for buckets in (plan.requests, plan.tokens)
        )
        return _told(plan, requests, tokens)

    def headers_of_taken(self, plan: Plan) -> Headers:
        """Return the same as `take` has just left it."""
        return _told(plan, self._requests, self._tokens)

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
            (REQUESTS_LEVEL, limits.requests_per_minute, 1, "requests a minute"),
            (TOKENS_LEVEL, limits.tokens_per_minute, tokens, "tokens a minute"),
        ):
            if size is not None:
                lacking = min(need, size) - self._level(one.row + cell, size, now)
                if lacking > 0:
                    wait = lacking * _MINUTE / size
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
        if daily is not None and cells[row + DAY] == day and cells[row + _TODAY] >= daily:
            wait = _DAY_SECONDS - self._now() % _DAY_SECONDS
            found.append(Short(one, f"{daily:,} tokens a day", wait, is_quota=True))
        spent = cells[row + _THIS_MONTH] if cells[row + MONTH] == month else 0
        if monthly is not None and spent >= monthly:
            wait = self._until_next_month()
            found.append(Short(one, f"{monthly:,} tokens a month", wait, is_quota=True))
        return found

    def _level(self, cell: int, size: int, now: float) -> float:
        at = self._cells[cell + 1]
        if at == 0.0 or now < at:
            return size
        return min(size, self._cells[cell] + (now - at) * size / _MINUTE)

    def _seed(self, row: int, used: Used) -> None:
        day, month = self.calendar()
        told = datetime.fromisoformat(used.day).replace(tzinfo=UTC)
        if int(told.timestamp() // _DAY_SECONDS) == day:
            self._cells[row + DAY] = day
            self._cells[row + _TODAY] = used.tokens_today
        if told.year * 12 + told.month == month:
            self._cells[row + MONTH] = month
            self._cells[row + _THIS_MONTH] = used.tokens_this_month

    def _until_next_month(self) -> float:
        at = datetime.fromtimestamp(self._now(), UTC)
        year, month = (at.year + 1, 1) if at.month == 12 else (at.year, at.month + 1)
        return (datetime(year, month, 1, tzinfo=UTC) - at).total_seconds()


def _told(plan: Plan, requests: Sequence[float], tokens: Sequence[float]) -> Headers:
    found: Headers = []
    if requests:
        left = min(requests)
        size = plan.requests[requests.index(left)][1]
        found += (
            (b"x-ratelimit-limit-requests", b"%d" % size),
            (b"x-ratelimit-remaining-requests", b"%d" % max(0, left)),
            (b"x-ratelimit-reset-requests", _full_in(left, size)),
        )
    if tokens:
        left = min(tokens)
        size = plan.tokens[tokens.index(left)][1]
        found += (
            (b"x-ratelimit-limit-tokens", b"%d" % size),
            (b"x-ratelimit-remaining-tokens", b"%d" % max(0, left)),
            (b"x-ratelimit-reset-tokens", _full_in(left, size)),
        )
    return found


def _full_in(left: float, size: int) -> bytes:
    return span((size - left) * _MINUTE / size)


def span(seconds: float) -> bytes:
    """Return a length of time as OpenAI writes it: `0s`, `250ms`, `12s`, `6m0s`."""
    if 0 < seconds < 1:
        return b"%dms" % ceil(seconds * 1000)
    whole = ceil(seconds)
    return b"%ds" % whole if whole < _MINUTE else b"%dm%ds" % divmod(whole, 60)
