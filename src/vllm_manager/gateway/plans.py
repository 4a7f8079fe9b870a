"""The limits that one caller falls under at one model, laid out for the walk of each request."""

from collections.abc import Sequence
from math import ceil, inf
from typing import NamedTuple

from vllm_manager.gateway.accounts import DAY, EARLIER, REQUESTS, SUM, TOKENS
from vllm_manager.gateway.asgi import Headers
from vllm_manager.gateway.counts import Counts
from vllm_manager.gateway.snapshot import Limits

MINUTE = 60.0
ROUNDING = 1e-6
"""Seconds, and parts of a token: sums of fractions are off by less."""


class Limited(NamedTuple):
    """A subject with limits that a request falls under."""

    subject: str
    words: str
    """What it is called in a refusal: `key “ci”`."""
    limits: Limits
    row: int


class Kind:
    """All buckets of one kind that a caller falls under, and what is told of them."""

    __slots__ = ("_limit_headers", "_remaining", "_reset", "flows", "steps")

    def __init__(self, name: str, cell: int, sizes: Sequence[tuple[int, int]]) -> None:
        """`sizes`: the rows, and what a bucket holds."""
        self.steps = [(row + cell, MINUTE / size) for row, size in sizes]
        """The bucket's cell, and the seconds in which it gains one."""
        self.flows = [size / MINUTE for _, size in sizes]
        limit = f"x-ratelimit-limit-{name}".encode()
        self._limit_headers = [(limit, b"%d" % size) for _, size in sizes]
        self._remaining = f"x-ratelimit-remaining-{name}".encode()
        self._reset = f"x-ratelimit-reset-{name}".encode()

    def tell(self, found: Headers, full_at: Sequence[float], first: int, now: float) -> None:
        """Add OpenAI's headers for the tightest bucket; ours are those from the `first` on."""
        until, least, tightest = now + MINUTE, inf, 0
        for flow in self.flows:
            left = (until - full_at[first]) * flow
            if left < least:
                least, tightest = left, first
            first += 1
        found.append(self._limit_headers[tightest - first])
        found.append((self._remaining, b"%d" % (least + ROUNDING) if least > 0 else b"0"))
        found.append((self._reset, span(full_at[tightest] - now)))


class Quota(NamedTuple):
    """Cells of a row, and what may be used in the time that they stand for."""

    day_cell: int
    sum_cell: int
    earlier_cell: int
    tokens_per_day: float
    tokens_per_month: float


class Plan:
    """The limits of one caller at one model, flattened so that each request walks them quickly."""

    __slots__ = (
        "at_once",
        "cells",
        "generation",
        "limited",
        "open_places",
        "quotas",
        "request_steps",
        "requests",
        "sums",
        "takes_tokens",
        "token_steps",
        "tokens",
    )

    def __init__(
        self, limited: Sequence[Limited], counts: Counts | None = None, generation: float = 0
    ) -> None:
        """`counts`: where requests under way are counted; None where none are limited."""
        self.open_places: dict[int, int] = {}
        """Where what is taken is noted as open, by the day."""
        self.at_once: list[tuple[int, int]] = []
        """Column of the counts, and the most requests at once."""
        if counts is not None:
            self.at_once = [
                (counts.column(one.subject), most)
                for one in limited
                if (most := one.limits.concurrent_requests) is not None
            ]
        self.lay_out(limited, generation)

    def lay_out(self, limited: Sequence[Limited], generation: float) -> None:
        """Take the rows of the same subjects as they are at this generation of the accounts."""
        self.limited = tuple(limited)
        self.generation = generation
        rows = [(one.row, one.limits) for one in self.limited]
        self.requests = Kind(
            "requests", REQUESTS, [(r, n) for r, it in rows if (n := it.requests_per_minute)]
        )
        self.tokens = Kind(
            "tokens", TOKENS, [(r, n) for r, it in rows if (n := it.tokens_per_minute)]
        )
        self.request_steps, self.token_steps = self.requests.steps, self.tokens.steps
        self.cells = [cell for cell, _ in (*self.request_steps, *self.token_steps)]
        """Of all buckets."""
        self.quotas = [
            Quota(row + DAY, row + SUM, row + EARLIER, _bound(daily), _bound(monthly))
            for row, it in rows
            if (daily := it.tokens_per_day, monthly := it.tokens_per_month) != (None, None)
        ]
        self.sums = [(quota.day_cell, quota.sum_cell) for quota in self.quotas]
        self.takes_tokens = bool(self.token_steps or self.quotas)


def _bound(quota: int | None) -> float:
    return inf if quota is None else quota


NO_PLAN = Plan(())


def span(seconds: float) -> bytes:
    """Return a length of time as OpenAI writes it: `0s`, `250ms`, `12s`, `6m0s`."""
    if seconds <= 0:
        return b"0s"
    if seconds < 1:
        return b"%dms" % ceil(seconds * 1000)
    whole = ceil(seconds - ROUNDING)
    return b"%ds" % whole if whole < MINUTE else b"%dm%ds" % divmod(whole, 60)
