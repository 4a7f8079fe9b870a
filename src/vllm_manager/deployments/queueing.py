"""How many requests may wait for a deployment, and how long, where it does not say itself."""

from typing import NamedTuple


class Queueing(NamedTuple):
    """What the installation says."""

    most_waiting: int = 128
    longest_wait_seconds: float = 30.0

    def most(self, own: int | None) -> int:
        """Return how many requests may wait; `own`: what the deployment says."""
        return self.most_waiting if own is None else own

    def seconds(self, own: float | None) -> float:
        """Return how long a request may wait."""
        return self.longest_wait_seconds if own is None else own
