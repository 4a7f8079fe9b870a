"""Requests in flight per name, counted over all workers in memory that they share.

Each worker writes its own row alone and reads all of them, so no lock is needed; a limit may be
passed by as many requests as workers admit in the same microsecond. Who can't have that looks and
writes within `alone`. A directory before the rows gives each name a column of its own; a lock is
held only while a worker meets a name first. Behind the counts each worker has a second row: the
rank of the request that it would let go ahead next, so that the workers know whose turn it is.
"""

import contextlib
import fcntl
import hashlib
import logging
import mmap
import os
import tempfile
from collections.abc import Sequence
from typing import BinaryIO

log = logging.getLogger(__name__)

_COLUMNS = 1 << 16
_WIDTH_BYTES = 4
_DIRECTORY_BYTES = _COLUMNS * 8
_ROW_BYTES = _COLUMNS * _WIDTH_BYTES
_RANKS_BYTES = _COLUMNS * 8
_NOBODY = 0.0
_NOTHING = contextlib.nullcontext()


def create_shared(workers: int) -> BinaryIO:
    """Return an unnamed file for `workers` rows; only pages that are used take memory."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - held for as long as the parent lives
    file.truncate(_DIRECTORY_BYTES + workers * (_ROW_BYTES + _RANKS_BYTES))
    return file


def clear_row(descriptor: int, worker: int) -> None:
    """Forget what a dead worker had in flight, and who waited in it."""
    workers = _workers(os.fstat(descriptor).st_size)
    with mmap.mmap(descriptor, 0) as memory:
        counts_at = _DIRECTORY_BYTES + worker * _ROW_BYTES
        ranks_at = _DIRECTORY_BYTES + workers * _ROW_BYTES + worker * _RANKS_BYTES
        _clear(memory, counts_at, _ROW_BYTES)
        _clear(memory, ranks_at, _RANKS_BYTES)


def _clear(memory: mmap.mmap, start: int, length: int) -> None:
    empty_page = bytes(mmap.PAGESIZE)
    for offset in range(start, start + length, mmap.PAGESIZE):
        if memory[offset : offset + mmap.PAGESIZE] != empty_page:
            memory[offset : offset + mmap.PAGESIZE] = empty_page


def _workers(size_bytes: int) -> int:
    return (size_bytes - _DIRECTORY_BYTES) // (_ROW_BYTES + _RANKS_BYTES)


class _Alone:
    """Keeps the other workers out of one column."""

    __slots__ = ("_column", "_descriptor")

    def __init__(self, descriptor: int, column: int) -> None:
        self._descriptor = descriptor
        self._column = column

    def __enter__(self) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, self._column)

    def __exit__(self, _kind: object, _error: object, _trace: object) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, self._column)


class Counts:
    """What is in flight, by name: this worker's part, and the sum over all workers."""

    def __init__(self, memory: memoryview, worker: int, descriptor: int | None = None) -> None:
        """`descriptor`: of the file to lock; None where there are no other workers."""
        workers = _workers(len(memory))
        ranks_at = _DIRECTORY_BYTES + workers * _ROW_BYTES
        self._names = memory[:_DIRECTORY_BYTES].cast("Q")
        self._cells = memory[_DIRECTORY_BYTES:ranks_at].cast("i")
        self._ranks = memory[ranks_at:].cast("d")
        self._descriptor = descriptor
        self._own = worker * _COLUMNS
        self.worker = worker
        self.is_alone = workers == 1
        self._columns: dict[str, int] = {}
        self._told_full = False

    def total(self, name: str) -> int:
        return self.total_in(self.column(name))

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

    def add_in(self, column: int, change: int) -> None:
        self._cells[self._own + column] += change

    def add_all(self, bounds: Sequence[tuple[int, int]], change: int) -> None:
        """Add to this worker's part of each (column, bound)."""
        cells, own = self._cells, self._own
        for column, _ in bounds:
            cells[own + column] += change

    def total_in(self, column: int) -> int:
        cells = self._cells
        return cells[column] if self.is_alone else sum(cells[column::_COLUMNS])

    def alone(self, column: int) -> contextlib.AbstractContextManager[None]:
        """Enter it to keep the other workers' `alone` of this column out for a moment.

        Look for no column within: that takes the lock of all of them, and lets go of it.
        """
        if self.is_alone or self._descriptor is None:
            return _NOTHING
        return _Alone(self._descriptor, column)

    def tell_rank(self, column: int, rank: float | None) -> None:
        """Say which rank, above 0, this worker's first request in a queue has; None: it has none.

        The lowest goes ahead.
        """
        self._ranks[self._own + column] = _NOBODY if rank is None else rank

    def is_before_all(self, column: int, rank: float) -> bool:
        """Return whether no request that waits in any worker goes before one of this rank."""
        if self.is_alone:
            first = self._ranks[column]
            return first == _NOBODY or rank < first
        return all(first == _NOBODY or rank < first for first in self._ranks[column::_COLUMNS])

    def whose_turn(self, column: int) -> int | None:
        """Return the worker in which the request waits that goes ahead of all; None: none waits."""
        if self.is_alone:
            return None if self._ranks[column] == _NOBODY else self.worker
        waiting = [
            (rank, worker)
            for worker, rank in enumerate(self._ranks[column::_COLUMNS])
            if rank != _NOBODY
        ]
        return min(waiting)[1] if waiting else None

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
    return Counts(memoryview(bytearray(_DIRECTORY_BYTES + _ROW_BYTES + _RANKS_BYTES)), 0)
