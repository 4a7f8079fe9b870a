"""A bound on bytes per second that all downloads share: a bucket that fills with time."""

import threading
import time
from collections.abc import Callable

_BURST_SECONDS = 0.25
_LEAST_BYTES = 1024


class Limiter:
    """Hands out bytes; whoever takes more than there is waits for its turn."""

    def __init__(
        self,
        bytes_per_second: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = bytes_per_second
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._free_at = monotonic()

    def set(self, bytes_per_second: int | None) -> None:
        """Change the bound; None lifts it."""
        with self._lock:
            self._rate = bytes_per_second
            self._free_at = self._monotonic()

    def portion(self, wanted: int) -> int:
        """Return how many bytes to ask for at once: few where the bound is low."""
        rate = self._rate
        return wanted if rate is None else min(wanted, max(_LEAST_BYTES, rate // 8))

    def wait_seconds(self, count: int) -> float:
        """Take `count` bytes, and return how long to wait before using them."""
        with self._lock:
            if self._rate is None:
                return 0.0
            now = self._monotonic()
            start = max(self._free_at, now - _BURST_SECONDS)
            self._free_at = start + count / self._rate
            return max(0.0, start - now)
