"""What the subjects of limits have used, in a file that all workers of a gateway share.

One row per subject: two buckets and the month's tokens. A short lock on the file makes what a
worker reads and then writes one step; the kernel releases it when a worker dies. The file is kept,
so a gateway that was killed goes on with the quotas where they were. What a killed worker had taken
and not settled is given back by the next one that starts. A row whose buckets are full and whose
month is over says nothing: where room is short, it becomes another subject's.
"""

import fcntl
import hashlib
import logging
import mmap
import os
from pathlib import Path

from vllm_manager.gateway.reservations import (
    Reservations,
    Taken,
    abandoned,
    claim,
    private_reservations,
)

log = logging.getLogger(__name__)

_lock, _EXCLUSIVE, _UNLOCKED = fcntl.flock, fcntl.LOCK_EX, fcntl.LOCK_UN
_ROWS = 1 << 16
_CELLS = 8
_ROW_BYTES = _CELLS * 8
_FILE_BYTES = (1 + _ROWS) * _ROW_BYTES
_FORMAT, LATEST, GENERATION = 0, 1, 2
"""Cells of the row before all others: how rows are laid out, when something was taken last, and how
many rows have become other subjects'.
"""
_THIS_FORMAT = 3

REQUESTS, TOKENS = 1, 2
"""Cells of a row: when a bucket is full again, as a reading of the clock. It fills in a minute."""
DAY, MONTH = 3, 4
"""Cells of a row: the day (since 1970) and the month (since year 0) that it was looked at last."""
SUM, EARLIER = 5, 6
"""Cells of a row: tokens of this month, and those among them of its earlier days."""
_ASKED_AT = 7
"""Cell of a row: when a worker looked for it last."""

_NEAR_STEPS = 8
_MOST_STEPS = 1024
_REST_SECONDS = 3600.0
"""A row that a worker has looked for since then stays its subject's."""


class Accounts:
    """Rows of numbers by subject. Enter them, as a lock, from reading a row until it is written."""

    def __init__(
        self, memory: memoryview, descriptor: int | None, reservations: Reservations
    ) -> None:
        """`descriptor`: of the file to lock; None where there are no other workers."""
        self.cells = memory.cast("d")
        self.reservations = reservations
        self.names = memory.cast("Q")
        """The same, as whole numbers: the first cell of a row is its subject's name."""
        self._descriptor = descriptor
        self._places: dict[str, int] = {}
        self._generation = self.cells[GENERATION]
        self._told_full = False

    def __enter__(self) -> None:
        """Keep the other workers out for a moment."""
        if self._descriptor is not None:
            _lock(self._descriptor, _EXCLUSIVE)

    def __exit__(self, _kind: object, _error: object, _trace: object) -> None:
        if self._descriptor is not None:
            _lock(self._descriptor, _UNLOCKED)

    def place(self, subject: str, now: float, month: int) -> tuple[int, bool] | None:
        """Return where a subject's row begins, and whether it is new; None where all are taken.

        Call it with the lock held. It holds while the cell of the generation stays as it is.
        """
        if self._generation != self.cells[GENERATION]:
            self._generation, self._places = self.cells[GENERATION], {}
        at, is_new = self._places.get(subject), False
        if at is None:
            name = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8]) | 1
            at = self._find(name, now, month)
            if at is None:
                self._tell_full()
                return None
            is_new = self.names[at] != name
            if is_new:
                self._begin_row(at, name)
            self._places[subject] = at
        self.cells[at + _ASKED_AT] = now
        return at, is_new

    def _find(self, name: int, now: float, month: int) -> int | None:
        """Return a subject's row; else one that is free, or far from where it belongs one at rest.

        No row is ever freed, so that whoever looks for one finds it behind those before it.
        """
        at_rest: int | None = None
        stride = name >> 32 | 1  # odd, so that it comes by every row
        for step in range(_MOST_STEPS):
            at = (1 + (name + step * stride) % _ROWS) * _CELLS
            found = self.names[at]
            if found == name:
                return at
            if found == 0:
                return at if at_rest is None or step < _NEAR_STEPS else at_rest
            if at_rest is None and self._is_at_rest(at, now, month):
                at_rest = at
        return at_rest

    def _is_at_rest(self, row: int, now: float, month: int) -> bool:
        cells = self.cells
        return (
            cells[row + _ASKED_AT] + _REST_SECONDS < now
            and cells[row + REQUESTS] <= now
            and cells[row + TOKENS] <= now
            and cells[row + MONTH] != month
        )

    def _begin_row(self, at: int, name: int) -> None:
        if self.names[at] != 0:
            self.cells[GENERATION] += 1
            self._generation, self._places = self.cells[GENERATION], {}
        self.names[at] = name
        for cell in range(at + 1, at + _CELLS):
            self.cells[cell] = 0

    def give_back_late(self, row: int, tokens: float, month: int) -> None:
        """Give back to a quota what was taken from it on an earlier day."""
        cells = self.cells
        if cells[row + MONTH] == month:
            cells[row + SUM] -= tokens
            cells[row + EARLIER] -= tokens

    def give_back(self, taken: Taken, tokens: float) -> None:
        """Give back all that a worker had open which is gone; nothing to rows of others since."""
        cells = self.cells
        for name, row, step, takes_quota in taken.parts:
            if self.names[row] != name:
                continue
            cells[row + TOKENS] -= tokens * step
            if not takes_quota:
                continue
            if cells[row + DAY] == taken.day:
                cells[row + SUM] -= tokens
            else:
                self.give_back_late(row, tokens, taken.month)

    def begin(self, now: float) -> None:
        """Take buckets for full where the machine's clock has begun anew since they were used."""
        cells = self.cells
        if cells[LATEST] > now:
            for row in range(_CELLS, len(cells), _CELLS):
                cells[row + REQUESTS] = cells[row + TOKENS] = cells[row + _ASKED_AT] = 0
            cells[LATEST] = now

    def _tell_full(self) -> None:
        if not self._told_full:
            self._told_full = True
            log.error("%d subjects have used limits: whoever has others is refused", _ROWS)


def open_accounts(path: Path, *, is_shared: bool) -> Accounts:
    """Return the accounts in the file at `path`, which is made where it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    _lock(descriptor, _EXCLUSIVE)
    try:
        os.ftruncate(descriptor, _FILE_BYTES)
        memory = memoryview(mmap.mmap(descriptor, 0))
        _begin(memory)
        folder = path.with_name(f"{path.name}-open")
        left = list(abandoned(folder))
        accounts = Accounts(memory, descriptor if is_shared else None, claim(folder))
        for taken, tokens in left:
            accounts.give_back(taken, tokens)
    finally:
        _lock(descriptor, _UNLOCKED)
    if left:
        tokens = sum(tokens for _, tokens in left)
        log.warning("a worker was killed: the %d tokens that it had reserved come back", tokens)
    return accounts


def _begin(memory: memoryview) -> None:
    """Empty what was written by another version."""
    numbers = memory.cast("Q")
    if numbers[_FORMAT] != _THIS_FORMAT:
        memory[:] = bytes(len(memory))
        numbers[_FORMAT] = _THIS_FORMAT


def private_accounts() -> Accounts:
    """Return accounts that nobody shares, and that are forgotten with the process."""
    memory = memoryview(bytearray(_FILE_BYTES))
    return Accounts(memory, None, private_reservations())
