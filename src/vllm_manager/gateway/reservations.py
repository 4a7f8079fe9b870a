"""What a worker has taken from accounts and not settled yet, kept where it outlives the worker.

Each worker has a file of records, and a lock on it that the kernel releases when the worker ends.
Whoever opens the accounts next finds the files that nobody holds: what their owners had open when
they were killed is given back. A record is the sum of one plan's requests on one day, so a request
costs an addition when it is admitted and a subtraction when it is settled.
"""

import fcntl
import logging
import mmap
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)

_RECORDS = 4096
_MOST_PARTS = 5  # subjects that a request falls under
_DAY, _MONTH, _PARTS = 1, 2, 4
_PART_CELLS = 4
_CELLS = 24
_RECORD_BYTES = _CELLS * 8
_FILE_BYTES = _RECORDS * _RECORD_BYTES
_UNRECORDED = 0
"""The first record, which is never given back: it takes what finds no other."""


class Part(NamedTuple):
    """One of the subjects that a request's tokens were taken from."""

    name: int
    """What stands in its row, in the accounts."""
    row: int
    step: float
    """By how many seconds each token put off the bucket's being full; 0: it has none."""
    takes_quota: float
    """1 where its day and month were charged, else 0."""


class Taken(NamedTuple):
    """What tokens were taken from, and when."""

    day: int
    month: int
    parts: Sequence[Part]


_NO_PART = Part(0, 0, 0, 0)


class Reservations:
    """One worker's records. `open` holds, at a record's place, the tokens that are open there."""

    def __init__(self, memory: memoryview) -> None:
        self.open = memory.cast("d")
        self._names = memory.cast("Q")
        self._free = list(range(_FILE_BYTES // 8 - _CELLS, _UNRECORDED, -_CELLS))
        self._holders: dict[int, tuple[dict[int, int], int]] = {}
        self._told_full = False

    def place(self, places: dict[int, int], taken: Taken) -> int:
        """Return where requests of a plan add what they take; `taken` says of what and when.

        It is remembered in the plan's `places` by the day, until it is empty and needed by others.
        """
        if not self._free:
            self._reclaim()
        at = self._free.pop() if self._free else self._full()
        if at != _UNRECORDED:
            self._write(at, taken)
            self._holders[at] = places, taken.day
        places[taken.day] = at
        return at

    def _write(self, at: int, taken: Taken) -> None:
        self.open[at + _DAY], self.open[at + _MONTH] = taken.day, taken.month
        self.move(at, taken.parts)

    def move(self, at: int, parts: Sequence[Part]) -> None:
        """Write down where the rows are that a record's tokens were taken from."""
        for number in range(_MOST_PARTS if at != _UNRECORDED else 0):
            first = at + _PARTS + number * _PART_CELLS
            name, *rest = parts[number] if number < len(parts) else _NO_PART
            self._names[first] = name
            self.open[first + 1], self.open[first + 2], self.open[first + 3] = rest

    def _reclaim(self) -> None:
        for at, (places, day) in list(self._holders.items()):
            if self.open[at] == 0:
                del places[day], self._holders[at]
                self._free.append(at)

    def _full(self) -> int:
        if not self._told_full:
            self._told_full = True
            log.warning(
                "requests of more than %d callers are under way in one worker: were it killed, "
                "what the latest have reserved would not come back",
                _RECORDS - 1,
            )
        return _UNRECORDED


def private_reservations() -> Reservations:
    """Return reservations that are forgotten with the process."""
    return Reservations(memoryview(bytearray(_FILE_BYTES)))


def claim(folder: Path) -> Reservations:
    """Return the reservations of a worker that starts, in a file that it holds while it lives.

    Keep others out meanwhile, and collect what is `abandoned` first.
    """
    number = 0
    while (descriptor := _hold(folder / str(number))) is None:
        number += 1
    os.ftruncate(descriptor, 0)
    os.ftruncate(descriptor, _FILE_BYTES)
    return Reservations(memoryview(mmap.mmap(descriptor, 0)))  # the descriptor stays: it is held


def abandoned(folder: Path) -> Iterator[tuple[Taken, float]]:
    """Give what dead workers had open, and its tokens: once, even where this is cut off."""
    folder.mkdir(exist_ok=True, mode=0o700)
    for file in folder.iterdir():
        descriptor = _hold(file)
        if descriptor is None:
            continue
        if os.fstat(descriptor).st_size == _FILE_BYTES:
            with mmap.mmap(descriptor, 0) as memory, memoryview(memory) as view:
                yield from _emptied(view)
        file.unlink()
        os.close(descriptor)


def _hold(file: Path) -> int | None:
    """Return a descriptor that holds `file`; None where another holds it."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _emptied(memory: memoryview) -> Iterator[tuple[Taken, float]]:
    with memory.cast("d") as cells, memory.cast("Q") as names:
        for at in range(_CELLS, len(cells), _CELLS):
            tokens, cells[at] = cells[at], 0
            if tokens > 0:
                firsts = range(at + _PARTS, at + _CELLS, _PART_CELLS)
                parts = [
                    Part(names[first], int(cells[first + 1]), cells[first + 2], cells[first + 3])
                    for first in firsts
                    if names[first]
                ]
                yield Taken(int(cells[at + _DAY]), int(cells[at + _MONTH]), parts), tokens
