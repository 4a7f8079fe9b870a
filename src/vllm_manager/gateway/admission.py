"""Who may start now: all bounds are checked and taken together, or none; each is given back once.

Synchronous: nothing of this worker can happen between the check and the taking, and a short lock
keeps the other workers out. A bound answers two questions: `refuses`, then `take` and `give_back`.
Last of all comes the model: what it has is a slot, or a place among those that wait for one
(`queueing`). Who waits holds everything else already, so that a slot can be used when it comes.
"""

import contextlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from vllm_manager.gateway.counts import Counts
from vllm_manager.gateway.limits import Book, Calendar
from vllm_manager.gateway.plans import NO_PLAN, Plan
from vllm_manager.gateway.priorities import NORMAL
from vllm_manager.gateway.queueing import Seat, Slots, Terms, TurnedAway


class Claim(NamedTuple):
    """What one request asks for."""

    model: str
    user: str
    key: str | None
    terms: Terms | None
    """Of the model's slots; None: as many as the gateway takes."""
    plan: Plan = NO_PLAN
    """The limits that it falls under."""
    tokens: int = 0
    """What it may use at most."""
    today: Calendar = Calendar(0, 0)
    """The day whose quotas it takes from."""
    priority: int = NORMAL


class Denial(NamedTuple):
    """Why a claim can't be admitted now."""

    code: str
    message: str
    retry_after_seconds: float
    is_callers_limit: bool
    """True: the caller asked for too much (429). False: the gateway is full (503)."""


class Bound(Protocol):
    """One thing that may run out."""

    def refuses(self, claim: Claim) -> Denial | None:
        """Return why `claim` has no room. Changes nothing."""
        ...

    def take(self, claim: Claim) -> None: ...

    def give_back(self, claim: Claim, used_tokens: int) -> None: ...


class InFlightBound:
    """Requests under way in the whole gateway."""

    def __init__(self, counts: Counts, limit: int) -> None:
        self._counts = counts
        self._limit = limit

    def refuses(self, claim: Claim) -> Denial | None:
        if self._counts.total("") < self._limit:
            return None
        message = (
            f"The gateway already has {self._limit} requests under way, which is its limit. "
            "Try again in a moment."
        )
        return Denial("gateway_full", message, 1, is_callers_limit=False)

    def take(self, claim: Claim) -> None:
        self._counts.add("", 1)

    def give_back(self, claim: Claim, used_tokens: int) -> None:
        self._counts.add("", -1)


class LimitsBound:
    """The rates and quotas of the installation, a team, a user, a key and a model."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def refuses(self, claim: Claim) -> Denial | None:
        plan, tokens = claim.plan, claim.tokens
        if plan is NO_PLAN or self._book.has_room(plan, tokens, claim.today):
            return None
        short = self._book.shortage(plan, tokens)
        if short is None:  # a moment has gone by since, and what was lacking has flowed in
            return Denial("rate_limit_exceeded", "Try again now.", 0, is_callers_limit=True)
        whose = short.limited.words
        if short.is_quota:
            message = (
                f"The quota is used up: {whose} may use {short.what} (UTC). It begins anew in "
                f"{_length(short.wait_seconds)}; an administrator can raise it."
            )
            return Denial("insufficient_quota", message, short.wait_seconds, is_callers_limit=True)
        message = (
            f"Too much at once: {whose} may use {short.what}. "
            f"Try again in {_length(short.wait_seconds)}."
        )
        return Denial("rate_limit_exceeded", message, short.wait_seconds, is_callers_limit=True)

    def take(self, claim: Claim) -> None:
        if claim.plan is not NO_PLAN:
            self._book.take(claim.plan, claim.tokens, claim.today)

    def give_back(self, claim: Claim, used_tokens: int) -> None:
        if claim.plan is not NO_PLAN:
            self._book.settle(claim.plan, claim.tokens, used_tokens, claim.today)


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"


class Ticket:
    """What an admitted request holds until it is settled."""

    __slots__ = ("_admission", "_settled", "claim", "seat")

    def __init__(self, admission: "Admission", claim: Claim, seat: Seat | None) -> None:
        self._admission = admission
        self.claim = claim
        self.seat = seat
        """Its slot, or place in the queue for one; None where its model has no bound."""
        self._settled = False

    def settle(self, used_tokens: int = 0) -> bool:
        """Give back all but what was used; return False, changing nothing, where that was done."""
        if self._settled:
            return False
        self._settled = True
        self._admission.give_back(self.claim, self.seat, used_tokens)
        return True


class Admission:
    """The list of bounds that every request to an engine must pass, and the models' slots."""

    def __init__(
        self, bounds: Sequence[Bound], counts: Counts, slots: Slots, book: Book | None = None
    ) -> None:
        """`book`: what its accounts are locked for; None where no bound has any."""
        self._bounds = tuple(bounds)
        self._counts = counts
        self._slots = slots
        self._book = book

    def reserve(self, claim: Claim) -> Ticket | Denial | TurnedAway:
        """Take room for `claim` in every bound and at its model, or in none of them."""
        with self._lock(claim):
            for bound in self._bounds:
                denial = bound.refuses(claim)
                if denial is not None:
                    return denial
            seat = self._enter(claim)
            if isinstance(seat, TurnedAway):
                return seat
            for bound in self._bounds:
                bound.take(claim)
        return Ticket(self, claim, seat)

    def give_back(self, claim: Claim, seat: Seat | None, used_tokens: int) -> None:
        """Give back what `claim` took and did not use; `Ticket.settle` sees that it is once."""
        with self._lock(claim):
            for bound in self._bounds:
                bound.give_back(claim, used_tokens)
        if seat is None:
            self._counts.add(claim.model, -1)
        else:
            self._slots.leave(seat)

    def _enter(self, claim: Claim) -> Seat | TurnedAway | None:
        if claim.terms is None:
            self._counts.add(claim.model, 1)
            return None
        return self._slots.enter(claim.model, claim.terms, claim.priority)

    def _lock(self, claim: Claim) -> contextlib.AbstractContextManager[None]:
        return _NOTHING if self._book is None or claim.plan is NO_PLAN else self._book.accounts


_NOTHING = contextlib.nullcontext()


def admission_for(
    counts: Counts, max_in_flight: int, book: Book | None = None, slots: Slots | None = None
) -> Admission:
    """Return the bounds in force today."""
    bounds: list[Bound] = [InFlightBound(counts, max_in_flight)]
    if book is not None:
        bounds.append(LimitsBound(book))
    return Admission(bounds, counts, slots or Slots(counts), book)
