"""Writes down what went wrong in browsers: bounded, without secrets, and never as its own error."""

import logging
import re
from collections.abc import Sequence
from typing import Final

from vllm_manager.kit.clock import Clock
from vllm_manager.monitoring.logs.schemas import ClientError

log = logging.getLogger("vllm_manager.browser")

_PER_SESSION: Final = 20.0
_PER_INSTALLATION: Final = 100.0
"""Errors at once; as many come back within a minute."""
_MINUTE_SECONDS: Final = 60.0
_KNOWN_SESSIONS: Final = 1000
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_LINES: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class _Bucket:
    """So many at once, refilled over a minute."""

    def __init__(self, size: float, now: float) -> None:
        self._size = self._left = size
        self._seen = now

    def has_room(self, now: float) -> bool:
        self._left = min(self._size, self._left + (now - self._seen) * self._size / _MINUTE_SECONDS)
        self._seen = now
        return self._left >= 1

    def take(self) -> None:
        self._left -= 1


class BrowserErrors:
    """Takes errors from browsers into the control plane's log, a bounded number a minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all = _Bucket(_PER_INSTALLATION, clock.monotonic())
        self._sessions: dict[str, _Bucket] = {}

    def take(self, errors: Sequence[ClientError], session: str, username: str) -> int:
        """Write down as many as there is room for; return how many."""
        accepted = 0
        for error in errors:
            if not self._has_room(session):
                break
            _write(error, username)
            accepted += 1
        return accepted

    def _has_room(self, session: str) -> bool:
        now = self._clock.monotonic()
        own = self._sessions.pop(session, None) or _Bucket(_PER_SESSION, now)
        self._sessions[session] = own
        if len(self._sessions) > _KNOWN_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        if not (own.has_room(now) and self._all.has_room(now)):
            return False
        own.take()
        self._all.take()
        return True


def _write(error: ClientError, username: str) -> None:
    """Log it as a warning, whatever it says of itself, under the id of the request that failed."""
    fields: dict[str, object] = {"kind": error.kind, "user": username}
    if error.page is not None:
        fields["page"] = _escaped(error.page)
    if error.count > 1:
        fields["count"] = error.count
    extra: dict[str, object] = {"origin": "browser", "fields": fields}
    if error.request_id is not None:
        extra["request_id"] = error.request_id
    if error.stack is not None:
        extra["exception"] = _CONTROL_BUT_LINES.sub(_code, error.stack)
    log.warning("%s", _escaped(error.message), extra=extra)


def _escaped(text: str) -> str:
    return _CONTROL.sub(_code, text)


def _code(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"
