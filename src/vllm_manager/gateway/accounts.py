"""What the subjects of limits have used, in a file that all workers of a gateway share.

One row per subject: two bucket levels and two sums of tokens. A short lock on the file makes what a
worker reads and then writes one step; the kernel releases it when a worker dies. The file is kept,
so a gateway that was killed goes on with the quotas where they were. What a killed worker had taken
and not settled is given back by the next one that starts.
"""

import fcntl
import hashlib
import logging
import mmap
import os
from pathlib import Path

from vllm_manager.gateway.reservations import (
    Reservations,
    abandoned,
    claim,
    private_reservations,
)

log = logging.getLogger(__name__)

_lock, _EXCLUSIVE, _UNLOCKED = fcntl.flock, fcntl.LOCK_EX, fcntl.LOCK_UN
_ROWS = 1 << 16
_CELLS = 9
_ROW_BYTES = _CELLS * 8

REQUESTS_LEVEL, TOKENS_LEVEL = 1, 3
"""Cells of a row: what is in a bucket; the cell after it: at which reading of the clock."""
DAY, MONTH = 5, 7
"""Cells of a row: the day (since 1970), the month (since year 0); the cell after it: its tokens."""


class Accounts:
    """Rows of numbers by subject. Enter them, as a lock, from reading a row until it is written."""

    def __init__(
        self, memory: memoryview, descriptor: int | None, reservations: Reservations
    ) -> None:
        """`descriptor`: of the file to lock; None where there are no other workers."""
        self.cells = memory.cast("d")
        self.reservations = reservations
        self._names = memory.cast("Q")
        self._descriptor = descriptor
        self._places: dict[str, int] = {}
        self._told_full = False

    def __enter__(self) -> None:
        """Keep the other workers out for a moment."""
        if self._descriptor is not None:
            _lock(self._descriptor, _EXCLUSIVE)

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            _lock(self._descriptor, _UNLOCKED)

    def place(self, subject: str) -> tuple[int, bool] | None:
        """Return where a subject's row begins, and whether it is new; None where all are taken.

        Call it with the lock held.
        """
        known = self._places.get(subject)
        if known is not None:
            return known, False
        name = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8]) | 1
        for step in range(_ROWS):
            at = (name + step) % _ROWS * _CELLS
            found = self._names[at]
            if found in (0, name):
                self._names[at] = name
                self._places[subject] = at
                return at, found == 0
        self._tell_full()
        return None

    def _tell_full(self) -> None:
        if not self._told_full:
            self._told_full = True
            log.error("more than %d subjects have limits: the others' are not enforced", _ROWS)


def open_accounts(path: Path, *, is_shared: bool) -> Accounts:
    """Return the accounts in the file at `path`, which is made where it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if os.fstat(descriptor).st_size != _ROWS * _ROW_BYTES:
        os.ftruncate(descriptor, _ROWS * _ROW_BYTES)
    cells = memoryview(mmap.mmap(descriptor, 0))
    _lock(descriptor, _EXCLUSIVE)
    try:
        folder = path.with_name(f"{path.name}-open")
        _give_back(cells.cast("d"), folder)
        return Accounts(cells, descriptor if is_shared else None, claim(folder))
    finally:
        _lock(descriptor, _UNLOCKED)


def _give_back(cells: "memoryview[float]", folder: Path) -> None:
    """Give back what workers had open that were killed: nobody knows what came of it."""
    given = 0.0
    for (token_cells, quota_rows, day, month), tokens in abandoned(folder):
        given += tokens
        for cell in token_cells:
            cells[cell] += tokens
        for row in quota_rows:
            if cells[row + DAY] == day:
                cells[row + DAY + 1] -= tokens
            if cells[row + MONTH] == month:
                cells[row + MONTH + 1] -= tokens
    if given:
        log.warning("a worker was killed: the %d tokens that it had reserved come back", given)


def private_accounts() -> Accounts:
    """Return accounts that nobody shares, and that are forgotten with the process."""
    memory = memoryview(bytearray(_ROWS * _ROW_BYTES))
    return Accounts(memory, None, private_reservations())
