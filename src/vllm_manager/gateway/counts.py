"""Requests in flight per name, counted over all workers in memory that they share.

Each worker writes its own row alone and reads all of them, so no lock is needed; a limit may be
passed by as many requests as workers admit in the same microsecond. A directory before the rows
gives each name a column of its own; a lock is held only while a worker meets a name first.
"""

import fcntl
import hashlib
import logging
import mmap
import tempfile
from collections.abc import Sequence
from typing import BinaryIO

log = logging.getLogger(__name__)

_COLUMNS = 1 << 16
_WIDTH_BYTES = 4
_DIRECTORY_BYTES = _COLUMNS * 8
_ROW_BYTES = _COLUMNS * _WIDTH_BYTES


def create_shared(workers: int) -> BinaryIO:
    """Return an unnamed file for `workers` rows; only pages that are used take memory."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - held for as long as the parent lives
    file.truncate(_DIRECTORY_BYTES + workers * _ROW_BYTES)
    return file


def clear_row(descriptor: int, worker: int) -> None:
    """Forget what a dead worker had in flight."""
    with mmap.mmap(descriptor, 0) as memory:
        start = _DIRECTORY_BYTES + worker * _ROW_BYTES
        empty_page = bytes(mmap.PAGESIZE)
        for offset in range(start, start + _ROW_BYTES, mmap.PAGESIZE):
            if memory[offset : offset + mmap.PAGESIZE] != empty_page:
                memory[offset : offset + mmap.PAGESIZE] = empty_page


class Counts:
    """What is in flight, by name: this worker's part, and the sum over all workers."""

    def __init__(self, memory: memoryview, worker: int, descriptor: int | None = None) -> None:
        """`descriptor`: of the file to lock; None where there are no other workers."""
        self._names = memory[:_DIRECTORY_BYTES].cast("Q")
        self._cells = memory[_DIRECTORY_BYTES:].cast("i")
        self._descriptor = descriptor
        self._own = worker * _COLUMNS
        self.is_alone = len(self._cells) == _COLUMNS
        self._columns: dict[str, int] = {}
        self._told_full = False

    def total(self, name: str) -> int:
        return self._total(self.column(name))

    def are_below(self, bounds: Sequence[tuple[int, int]]) -> bool:
        """Return whether less is in flight than the bound in each (column, bound)."""
        cells, is_alone = self._cells, self.is_alone
        for column, most in bounds:  # no generator: it would cost more than what it does
            count = cells[column] if is_alone else sum(cells[column::_COLUMNS])
            if count >= most:
                return False
        return True

    def add(self, name: str, change: int) -> None:
        self._cells[self._own + self.column(name)] += change

    def add_all(self, bounds: Sequence[tuple[int, int]], change: int) -> None:
        """Add to this worker's part of each (column, bound)."""
        cells, own = self._cells, self._own
        for column, _ in bounds:
            cells[own + column] += change

    def _total(self, column: int) -> int:
        cells = self._cells
        return cells[column] if self.is_alone else sum(cells[column::_COLUMNS])

    def column(self, name: str) -> int:
        """Return where `name` is counted, for as long as the workers' parent lives."""
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = self._look_up(name)
        return column

    def _look_up(self, name: str) -> int:
        known = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) | 1
        if self._descriptor is None:
            return self._place(known)
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        try:
            return self._place(known)
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def _place(self, known: int) -> int:
        names = self._names
        for step in range(_COLUMNS):
            column = (known + step) % _COLUMNS
            if names[column] in (0, known):
                names[column] = known
                return column
        if not self._told_full:
            self._told_full = True
            log.error("more than %d names are counted: some share a count", _COLUMNS)
        return known % _COLUMNS


def open_shared(descriptor: int, worker: int) -> Counts:
    """Return the counts of `worker` in the file made by `create_shared`."""
    return Counts(memoryview(mmap.mmap(descriptor, 0)), worker, descriptor)


def create_private() -> Counts:
    """Return counts for a worker without siblings."""
    return Counts(memoryview(bytearray(_DIRECTORY_BYTES + _ROW_BYTES)), 0)
