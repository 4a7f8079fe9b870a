"""Who fetches what next: files first, then ranges of those with the most left. Pure.

A thread stays with its file, whose bytes then come in order and are hashed as they come. A thread
without a file takes one that nobody has; where there is none it helps with the largest rest, so
that the last file is not fetched over one connection while seven stand idle.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from vllm_manager.downloads.worker.part import BLOCK_BYTES

LEAST_BYTES = 8 << 20
MOST_BYTES = 64 << 20

Range = tuple[int, int]


@dataclass(slots=True, eq=False)
class Queue:
    """What is left to ask for of one file: ranges in order, ends excluded."""

    ranges: list[Range]
    threads: int = 0
    """How many fetch a range of it now."""
    left_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.left_bytes = sum(end - start for start, end in self.ranges)

    def cut(self, most_bytes: int) -> Range:
        """Take the next range of at most so many bytes, at the border of a block."""
        start, end = self.ranges[0]
        cut = min(end, start + most_bytes // BLOCK_BYTES * BLOCK_BYTES)
        self.ranges[0] = (cut, end)
        if cut == end:
            del self.ranges[0]
        self.left_bytes -= cut - start
        return start, cut

    def take_on(self, end: int) -> int:
        """Take what follows `end` as well, and return where that ends: a hub that knows no ranges
        sends it anyway."""
        if self.ranges and self.ranges[0][0] == end:
            _, end_of_range = self.ranges.pop(0)
            self.left_bytes -= end_of_range - end
            return end_of_range
        return end


class Pool:
    """The files of a download that have something left to ask for."""

    def __init__(self, queues: Iterable[Queue]) -> None:
        self._fresh = deque(queue for queue in queues if queue.ranges)
        self._begun: list[Queue] = []

    def add(self, queue: Queue) -> None:
        """Take in a file that has to be fetched again."""
        self._begun.append(queue)

    def pick(self, mine: Queue | None) -> Queue | None:
        """Return the file to go on with, or None where nothing is left to ask for."""
        if mine is not None and mine.ranges:
            return mine
        self._begun = [queue for queue in self._begun if queue.ranges]
        alone = next((queue for queue in self._begun if queue.threads == 0), None)
        if alone is not None:
            return alone
        if self._fresh:
            self._begun.append(self._fresh[0])
            return self._fresh.popleft()
        return max(self._begun, key=lambda queue: queue.left_bytes, default=None)


def piece_bytes(queue: Queue, connections: int) -> int:
    """Return how much to ask for at once: less towards the end, so that all end together."""
    share = queue.left_bytes // (2 * connections)
    return max(LEAST_BYTES, min(MOST_BYTES, share))
