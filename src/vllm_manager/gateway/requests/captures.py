"""Bodies of requests that an administrator asked for: of which deployments, and those that came.

All of it is held in memory alone, and bounded: a restart ends every capture and forgets the bodies.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from vllm_manager.gateway.requests.board import Place
from vllm_manager.gateway.requests.wire import Bodies, Row
from vllm_manager.kit.clock import Clock

_MOST_KEPT: Final = 200
_LATE_SECONDS: Final = 3600.0
"""A request that began while its bodies were wanted may end this much later."""


@dataclass(slots=True)
class Rule:
    """That the bodies of a deployment's next requests are wanted."""

    deployment: str
    until: float
    """Monotonic seconds."""
    until_at: datetime
    left: int
    """Of how many more requests."""
    keep_seconds: float
    started_by: str


class Kept(NamedTuple):
    """The bodies of a request."""

    place: Place
    pid: int
    row: Row
    """Without the bodies."""
    bodies: Bodies
    forget: float
    """Monotonic seconds."""
    expires_at: datetime


class Captures:
    """Off until it is started for a deployment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rules: dict[str, Rule] = {}
        self._kept: dict[Place, Kept] = {}

    def start(
        self, deployment: str, *, seconds: float, count: int, keep_seconds: float, by: str
    ) -> Rule:
        """Want the bodies of the next `count` requests that begin within `seconds`."""
        rule = Rule(
            deployment,
            self._clock.monotonic() + seconds,
            self._clock.now() + timedelta(seconds=seconds),
            count,
            keep_seconds,
            by,
        )
        self._rules[deployment] = rule
        return rule

    def stop(self, deployment: str, *, erase: bool) -> None:
        """Want no more of a deployment's bodies; forget those that came if `erase`."""
        self._rules.pop(deployment, None)
        if erase:
            self._kept = {p: k for p, k in self._kept.items() if k.row.deployment != deployment}

    def rules(self) -> Sequence[Rule]:
        """Return the captures that are on."""
        now = self._clock.monotonic()
        return [rule for rule in self._rules.values() if now < rule.until and rule.left > 0]

    def orders(self) -> Mapping[str, int]:
        """Return what workers are told: deployments, and of how many requests."""
        return {rule.deployment: rule.left for rule in self.rules()}

    def take(self, place: Place, pid: int, row: Row) -> Row:
        """Keep the bodies of a request that ended, if they are wanted; return it without them."""
        if row.bodies is None:
            return row
        bare, rule = msgspec.structs.replace(row, bodies=None), self._rules.get(row.deployment)
        now = self._clock.monotonic()
        if rule is None or rule.left <= 0 or now >= rule.until + _LATE_SECONDS:
            return bare
        if place in self._kept:  # told again
            return bare
        rule.left -= 1
        expires_at = self._clock.now() + timedelta(seconds=rule.keep_seconds)
        kept = Kept(place, pid, bare, row.bodies, now + rule.keep_seconds, expires_at)
        self._kept[place] = kept
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return bare

    def kept(self) -> Iterator[Kept]:
        """Yield what is kept, and forget what is too old."""
        now = self._clock.monotonic()
        self._kept = {place: kept for place, kept in self._kept.items() if now < kept.forget}
        yield from self._kept.values()
