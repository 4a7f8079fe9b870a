"""Who may start now: all bounds are checked and taken together, or none; each is given back once.

Pure and synchronous: nothing can happen between the check and the taking. A bound answers two
questions (`refuses`, then `take` and `give_back`), so that rates and quotas can join the list.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from vllm_manager.gateway.counts import Counts


class Claim(NamedTuple):
    """What one request asks for."""

    model: str
    user: str
    key: str | None
    max_concurrent_requests: int | None


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

    def give_back(self, claim: Claim) -> None: ...


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

    def give_back(self, claim: Claim) -> None:
        self._counts.add("", -1)


class ModelBound:
    """Requests under way for one model, where its deployment sets a maximum."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def refuses(self, claim: Claim) -> Denial | None:
        limit = claim.max_concurrent_requests
        if limit is None or self._counts.total(claim.model) < limit:
            return None
        message = (
            f"The model “{claim.model}” already answers {limit} requests, which is the most that "
            "its deployment allows at once (max_concurrent_requests). Try again in a moment."
        )
        return Denial("concurrency_limit", message, 1, is_callers_limit=True)

    def take(self, claim: Claim) -> None:
        self._counts.add(claim.model, 1)

    def give_back(self, claim: Claim) -> None:
        self._counts.add(claim.model, -1)


class Ticket:
    """What an admitted request holds until it is settled."""

    __slots__ = ("_bounds", "_claim", "_settled")

    def __init__(self, bounds: Sequence[Bound], claim: Claim) -> None:
        self._bounds = bounds
        self._claim = claim
        self._settled = False

    def settle(self) -> bool:
        """Give everything back. Return False, and change nothing, where that was done before."""
        if self._settled:
            return False
        self._settled = True
        for bound in self._bounds:
            bound.give_back(self._claim)
        return True


class Admission:
    """The list of bounds that every request to an engine must pass."""

    def __init__(self, bounds: Sequence[Bound]) -> None:
        self._bounds = tuple(bounds)

    def reserve(self, claim: Claim) -> Ticket | Denial:
        """Take room for `claim` in every bound, or in none of them."""
        for bound in self._bounds:
            denial = bound.refuses(claim)
            if denial is not None:
                return denial
        for bound in self._bounds:
            bound.take(claim)
        return Ticket(self._bounds, claim)


def admission_for(counts: Counts, max_in_flight: int) -> Admission:
    """Return the bounds in force today."""
    return Admission([InFlightBound(counts, max_in_flight), ModelBound(counts)])
