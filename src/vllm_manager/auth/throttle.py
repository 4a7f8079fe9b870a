"""The login throttle: too many wrong passwords close the door for a while."""

from collections import deque

from vllm_manager.kit.clock import Clock

WINDOW_SECONDS = 300.0
ALLOWED_FAILURES = 10
_MAX_TRACKED = 10_000


class Throttle:
    """Counts failures per subject (a user's name, an address) in a sliding window.

    Kept in memory and bounded: the oldest subjects are forgotten first.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}

    def wait_seconds(self, *subjects: str) -> float:
        """Return how long the subjects must wait before they may try again; 0 is now."""
        return max(self._wait_of(subject) for subject in subjects)

    def reserve(self, *subjects: str) -> None:
        """Count an attempt as failed before it is checked, so that a burst can't slip through."""
        now = self._clock.monotonic()
        for subject in subjects:
            failures = self._failures.pop(subject, None) or deque(maxlen=ALLOWED_FAILURES)
            failures.append(now)
            self._failures[subject] = failures  # newest last, so that the oldest is forgotten
        while len(self._failures) > _MAX_TRACKED:
            del self._failures[next(iter(self._failures))]

    def forget(self, *subjects: str) -> None:
        """Take back what was reserved: the password was right."""
        for subject in subjects:
            failures = self._failures.get(subject)
            if failures:
                failures.pop()
            if not failures:
                self._failures.pop(subject, None)

    def _wait_of(self, subject: str) -> float:
        failures = self._failures.get(subject)
        if failures is None or len(failures) < ALLOWED_FAILURES:
            return 0.0
        return max(0.0, failures[0] + WINDOW_SECONDS - self._clock.monotonic())
