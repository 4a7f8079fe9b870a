"""What has come so far, and how fast: counters that threads add to and one reads."""

import threading
import time
from collections import deque
from collections.abc import Callable

_WINDOW_SECONDS = 4.0


class Tally:
    """Bytes from the network in the last seconds, and when the last one came."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._received = 0
        self._last_at = monotonic()
        self._samples: deque[tuple[float, int]] = deque([(monotonic(), 0)])

    def add(self, count: int) -> None:
        """Count bytes that have come."""
        now = self._monotonic()
        with self._lock:
            self._received += count
            self._last_at = now

    def touch(self) -> None:
        """Say that the silence so far was ours, not the hub's: the bound on bytes, or hashing."""
        self._last_at = self._monotonic()

    @property
    def received(self) -> int:
        return self._received

    def silent_seconds(self) -> float:
        """Return for how long no byte has come."""
        return self._monotonic() - self._last_at

    def bytes_per_second(self) -> float:
        """Return the mean over the last seconds; exactly 0 when nothing came in them."""
        now = self._monotonic()
        self._samples.append((now, self._received))
        while len(self._samples) > 2 and now - self._samples[1][0] >= _WINDOW_SECONDS:
            self._samples.popleft()
        then, before = self._samples[0]
        return (self._received - before) / (now - then) if now > then else 0.0
