"""How much longer things may take now: other work on this machine is no fault of ours."""

import os


def slowness() -> float:
    """Return how many processes share each core now, at least 1: a factor for stated bounds.

    On a machine that does nothing else the bounds hold as they are stated.
    """
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
