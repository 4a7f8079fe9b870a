"""Floods of refused attempts by strangers: from some on they are counted, and written as a sum.

Who needs no credential to be written down could fill the disk with entries.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from vllm_manager.kit.clock import Clock

WINDOW = timedelta(minutes=5)
ALLOWED = 30
"""Refused attempts of one address in a window that are written down one by one."""
_SUM_EVERY = timedelta(minutes=1)
_MOST_ADDRESSES = 4096


class LeftOut(NamedTuple):
    """Attempts that were refused at once, and not written down one by one."""

    address: str
    attempts: int


class Floods:
    """Counts by address, in memory; of the addresses that were heard of last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused: dict[str, list[datetime]] = {}
        self._left_out: dict[str, int] = {}
        self._sums_since = clock.now()

    def wait_seconds(self, address: str) -> float | None:
        """Return how long an address is to wait; None: its attempts may be looked at."""
        now = self._clock.now()
        kept = [at for at in self._refused.get(address, ()) if abs(now - at) < WINDOW]
        if len(kept) < ALLOWED:
            return None
        return (kept[-ALLOWED] + WINDOW - now).total_seconds()

    def note_refused(self, address: str) -> None:
        """Count an attempt that was looked at, written down and refused."""
        former = self._refused.pop(address, [])
        self._refused[address] = [*former[1 - ALLOWED :], self._clock.now()]
        if len(self._refused) > _MOST_ADDRESSES:
            del self._refused[next(iter(self._refused))]

    def leave_out(self, address: str) -> None:
        """Count an attempt that was not looked at."""
        known = address in self._left_out or len(self._left_out) < _MOST_ADDRESSES
        name = address if known else "others"
        self._left_out[name] = self._left_out.get(name, 0) + 1

    def sums(self) -> list[LeftOut]:
        """Return what was left out until now, once a minute; each is returned once."""
        now = self._clock.now()
        if not self._left_out or abs(now - self._sums_since) < _SUM_EVERY:
            return []
        left_out, self._left_out, self._sums_since = self._left_out, {}, now
        return [LeftOut(address, count) for address, count in left_out.items()]
