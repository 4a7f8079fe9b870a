"""Requests in flight per name, counted over all workers in memory that they share.

Each worker writes its own row alone and reads all of them, so no lock is needed; a limit may be
passed by as many requests as workers admit in the same microsecond. Names fall on columns by
their CRC: two names on one column share a limit, which 65,536 columns make rare.
"""

import mmap
import tempfile
import zlib
from typing import BinaryIO

_COLUMNS = 1 << 16
_WIDTH_BYTES = 4


def create_shared(workers: int) -> BinaryIO:
    """Return an unnamed file for `workers` rows; only pages that are used take memory."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - held for as long as the parent lives
    file.truncate(workers * _COLUMNS * _WIDTH_BYTES)
    return file


def clear_row(descriptor: int, worker: int) -> None:
    """Forget what a dead worker had in flight."""
    row_bytes = _COLUMNS * _WIDTH_BYTES
    with mmap.mmap(descriptor, 0) as memory:
        start = worker * row_bytes
        empty_page = bytes(mmap.PAGESIZE)
        for offset in range(start, start + row_bytes, mmap.PAGESIZE):
            if memory[offset : offset + mmap.PAGESIZE] != empty_page:
                memory[offset : offset + mmap.PAGESIZE] = empty_page


class Counts:
    """What is in flight, by name: this worker's part, and the sum over all workers."""

    def __init__(self, memory: memoryview, worker: int) -> None:
        self._cells = memory.cast("i")
        self._own = worker * _COLUMNS
        self._rows = range(0, len(self._cells), _COLUMNS)
        self._columns: dict[str, int] = {}

    def total(self, name: str) -> int:
        column = self._column(name)
        cells = self._cells
        if len(self._rows) == 1:
            return cells[column]
        return sum(cells[row + column] for row in self._rows)

    def add(self, name: str, change: int) -> None:
        self._cells[self._own + self._column(name)] += change

    def _column(self, name: str) -> int:
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = zlib.crc32(name.encode()) % _COLUMNS
        return column


def open_shared(descriptor: int, worker: int) -> Counts:
    """Return the counts of `worker` in the file made by `create_shared`."""
    return Counts(memoryview(mmap.mmap(descriptor, 0)), worker)


def create_private() -> Counts:
    """Return counts for a worker without siblings."""
    return Counts(memoryview(bytearray(_COLUMNS * _WIDTH_BYTES)), 0)
