"""Which replica gets the next request: the one with the least to do, failing ones set aside."""

import random
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from vllm_manager.gateway.snapshot import EndpointEntry
from vllm_manager.gateway.upstream import Target

_ASIDE_BASE_SECONDS = 0.5
_ASIDE_MAX_SECONDS = 10.0


class Endpoint:
    """A replica as this worker sees it."""

    __slots__ = ("aside_until", "entry", "failures", "outstanding", "preamble", "target")

    def __init__(self, entry: EndpointEntry) -> None:
        parts = urlsplit(entry.url)
        self.entry = entry
        self.target = Target(parts.hostname or "", parts.port or 80)
        self.preamble = (
            f"host: {parts.netloc}\r\nx-engine-secret: {entry.secret}\r\n".encode("latin-1")
            + b"content-type: application/json\r\n"
        )
        self.outstanding = 0
        self.failures = 0
        self.aside_until = 0.0

    def succeeded(self) -> None:
        """An answer began: whatever was wrong is over."""
        self.failures = 0
        self.aside_until = 0.0

    def failed(self, now: float) -> None:
        """It can't be reached or hung up: choose others first, for 0.5 s doubling up to 10 s."""
        self.failures += 1
        pause = _ASIDE_BASE_SECONDS * 2 ** min(self.failures - 1, 8)
        self.aside_until = now + min(pause, _ASIDE_MAX_SECONDS)


def choose(
    endpoints: Sequence[Endpoint], tried: Collection[Endpoint], now: float
) -> Endpoint | None:
    """Return the endpoint with the fewest outstanding requests, ties broken at random.

    One that is set aside is taken only where nothing else is left. None: all were tried.
    """
    if len(endpoints) == 1:
        return None if tried else endpoints[0]
    best: list[Endpoint] = []
    lowest: tuple[bool, int] | None = None
    for endpoint in endpoints:
        if endpoint in tried:
            continue
        load = (endpoint.aside_until > now, endpoint.outstanding)
        if lowest is None or load < lowest:
            lowest, best = load, [endpoint]
        elif load == lowest:
            best.append(endpoint)
    return random.choice(best) if best else None
