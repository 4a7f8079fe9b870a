"""Which trace a request belongs to (W3C Trace Context), and what is kept of it until it is sent."""

import random
import re
import time
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from vllm_manager.gateway.journal import Record

_PARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})"
)
_STATE = re.compile(rb"[\x20-\x7e]{1,512}")
_MOST_HELD = 2048
_SAMPLED = 1


class Spans(NamedTuple):
    """The spans of a sampled request: its own, and within it that of the engine."""

    trace: str
    """32 hexadecimal digits; the others 16."""
    parent: str | None
    own: str
    engine: str
    began_ns: int
    """Since 1970."""
    began: float
    """The same moment by `time.perf_counter`, with which lengths are measured."""


class Trace(NamedTuple):
    """A request's place in a trace."""

    headers: bytes
    """What the engine is told: whole header lines, or nothing."""
    spans: Spans | None
    """None: it is not sampled, or traces are off."""


class Ended(NamedTuple):
    """A sampled request that is over."""

    spans: Spans
    seconds: float
    record: Record


NO_TRACE = Trace(b"", None)


class Tracer:
    """Decides which requests are traced, and holds them until they are sent.

    A caller's own decision stands (the flag in its `traceparent`); of the others, a share is taken.
    """

    def __init__(self, share: float | None) -> None:
        """`share`: 0 to 1; None: traces are off, and a caller's headers are just passed on."""
        self._share = share
        self._ended: deque[Ended] = deque()
        self.dropped = 0
        """Requests whose spans were lost, since the process began."""

    @property
    def is_on(self) -> bool:
        return self._share is not None

    def begin(self, headers: Mapping[bytes, bytes]) -> Trace:
        """Return the place in a trace of a request that has just come."""
        sent = headers.get(b"traceparent")
        if sent is None and self._share is None:
            return NO_TRACE
        found = None if sent is None else _PARENT.fullmatch(sent)
        state = headers.get(b"tracestate") if found else None
        line = b"tracestate: %b\r\n" % state if state and _STATE.fullmatch(state) else b""
        if self._share is None:
            return NO_TRACE if found is None else Trace(_line(found[0]) + line, None)
        if found is None:
            return self._rooted(self._share)
        if not int(found[3], 16) & _SAMPLED:
            return Trace(_line(found[0]) + line, None)
        return _begun(found[1].decode(), found[2].decode(), line)

    def ended(self, spans: Spans, record: Record) -> None:
        """Keep a request that is over, as long as not too many wait."""
        if len(self._ended) >= _MOST_HELD:
            self.dropped += 1
            return
        self._ended.append(Ended(spans, time.perf_counter() - spans.began, record))

    def take(self, most: int) -> list[Ended]:
        """Return what has ended, oldest first; it is held here no more."""
        ended = self._ended
        return [ended.popleft() for _ in range(min(most, len(ended)))]

    def give_back(self, batch: list[Ended]) -> None:
        """Hold again what could not be sent; what is too much by now is dropped."""
        room = max(0, _MOST_HELD - len(self._ended))
        kept = batch[len(batch) - min(room, len(batch)) :]
        self.dropped += len(batch) - len(kept)
        self._ended.extendleft(reversed(kept))

    def _rooted(self, share: float) -> Trace:
        trace = f"{random.getrandbits(128) or 1:032x}"
        if random.random() < share:
            return _begun(trace, None, b"")
        # Said aloud, since an engine that is told nothing would begin a trace of its own.
        return Trace(_line(f"00-{trace}-{_span_id()}-00".encode()), None)


def _begun(trace: str, parent: str | None, state: bytes) -> Trace:
    spans = Spans(trace, parent, _span_id(), _span_id(), time.time_ns(), time.perf_counter())
    return Trace(_line(f"00-{trace}-{spans.engine}-01".encode()) + state, spans)


def _line(parent: bytes) -> bytes:
    return b"traceparent: %b\r\n" % parent


def _span_id() -> str:
    return f"{random.getrandbits(64) or 1:016x}"
