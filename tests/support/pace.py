"""How much longer things may take now: other work on this machine is no fault of ours."""

import os
import time

_PROBE_SECONDS = 0.05


def slowness() -> float:
    """Return how much slower than alone this process gets on now, at least 1.

    A factor for stated bounds: on a machine that does nothing else they hold as they are stated.
    It is the worse of what the last minute was like, which the load tells late, and of this moment.
    """
    lately = os.getloadavg()[0] / (os.cpu_count() or 1)
    return max(1.0, lately, _at_this_moment())


def _at_this_moment() -> float:
    """Return how long a little work takes, in times of the processor time that it needs."""
    began, needed = time.perf_counter(), time.process_time()
    while time.process_time() - needed < _PROBE_SECONDS:
        pass
    return (time.perf_counter() - began) / _PROBE_SECONDS
