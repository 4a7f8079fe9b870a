"""A word from one worker to another: look at your queues. Each worker has a pipe for it."""

import contextlib
import os
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence

_READ_BYTES = 4096


def create_pipes(workers: int) -> list[tuple[int, int]]:
    """Return a pipe (read end, write end) for each worker; none where there is only one."""
    pipes = [os.pipe() for _ in range(workers)] if workers > 1 else []
    for ends in pipes:
        for end in ends:
            os.set_blocking(end, False)
    return pipes


class Nudges:
    """What a worker needs to reach its siblings, and to hear from them."""

    def __init__(self, pipes: Sequence[tuple[int, int]] = (), worker: int = 0) -> None:
        self._pipes = tuple(pipes)
        self._worker = worker

    def listen(self, loop: AbstractEventLoop, nudged: Callable[[], object]) -> None:
        """Call `nudged` whenever a sibling has sent word."""
        if not self._pipes:
            return
        end = self._pipes[self._worker][0]

        def read() -> None:
            with contextlib.suppress(BlockingIOError):
                os.read(end, _READ_BYTES)
            nudged()

        loop.add_reader(end, read)

    def send(self, worker: int) -> None:
        """Nudge a worker. A full pipe says enough."""
        if worker < len(self._pipes):
            with contextlib.suppress(BlockingIOError):
                os.write(self._pipes[worker][1], b"!")

    def send_all(self) -> None:
        """Nudge every other worker."""
        for worker in range(len(self._pipes)):
            if worker != self._worker:
                self.send(worker)
