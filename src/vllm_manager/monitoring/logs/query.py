"""Which lines of the product's log are wanted: decided on bytes first, then on what they say."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from vllm_manager.monitoring.logs.schemas import ENGINE, LEVELS, Level, LogEntry

_OUR_ID: Final = re.compile(r"[a-z]+_([0-9a-hjkmnp-tv-z]{10})[0-9a-hjkmnp-tv-z]{16}")
_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_BEFORE: Final = timedelta(minutes=10)
_AFTER: Final = timedelta(hours=3)
"""How far the clocks of machines may differ; how long after its start a request is spoken of."""
_RANKS: Final[Mapping[Level | None, int]] = {
    **{level: rank for rank, level in enumerate(LEVELS)},
    None: LEVELS.index("info"),
}


@dataclass(frozen=True, slots=True)
class EntryQuery:
    """Filters that must all hold; None asks for nothing. `level` is the least one wanted."""

    limit: int = 100
    processes: frozenset[str] = frozenset()
    """Empty: all of them; engines only where a deployment or a request is asked for."""
    level: Level | None = None
    text: str | None = None
    request_id: str | None = None
    deployment: str | None = None
    replica: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Exclusive."""

    def limited(self, limit: int) -> "EntryQuery":
        """Return the same query for so many lines at once."""
        return replace(self, limit=limit)

    @property
    def has_engines(self) -> bool:
        """Whether what engines wrote is asked for."""
        if self.processes:
            return ENGINE in self.processes
        return self.deployment is not None or self.request_id is not None

    @property
    def has_processes(self) -> bool:
        """Whether what our own processes wrote is asked for."""
        return self.processes != frozenset({ENGINE})

    def may_hold(self, raw: bytes) -> bool:
        """Tell from a line's bytes alone whether it may be wanted; False is certain."""
        if self.request_id is not None and self.request_id.encode() not in raw:
            return False
        if self.deployment is not None and self.deployment.encode() not in raw:
            return False
        text = self.text
        if text is None or not text.isascii() or '"' in text or "\\" in text:
            return True
        return text.lower().encode() in raw.lower()

    def wants(self, entry: LogEntry) -> bool:
        """Tell whether an entry is wanted."""
        if self.processes and entry.process not in self.processes:
            return False
        if self.level is not None and _RANKS[entry.level] < _RANKS[self.level]:
            return False
        if self.since is not None and entry.time < self.since:
            return False
        if self.until is not None and entry.time >= self.until:
            return False
        if self.deployment is not None and self.deployment != entry.deployment:
            return False
        if self.replica is not None and self.replica != entry.replica:
            return False
        return self._is_of_request(entry) and self._has_text(entry)

    def _is_of_request(self, entry: LogEntry) -> bool:
        wanted = self.request_id
        return wanted is None or wanted == entry.request_id or wanted in entry.message

    def _has_text(self, entry: LogEntry) -> bool:
        if self.text is None:
            return True
        said = (entry.message, entry.exception, entry.logger, *map(str, entry.fields.values()))
        return any(self.text.lower() in part.lower() for part in said if part)


def narrowed(query: EntryQuery) -> EntryQuery:
    """Return the query within the hours in which its request can have been spoken of."""
    made = None if query.request_id is None else made_at(query.request_id)
    if made is None:
        return query
    since = query.since or made - _BEFORE
    return replace(query, since=since, until=query.until or made + _AFTER)


def made_at(request_id: str) -> datetime | None:
    """Return when an id of ours was made, which it says itself; None for an id of others."""
    found = _OUR_ID.fullmatch(request_id)
    if found is None:
        return None
    milliseconds = 0
    for digit in found[1]:
        milliseconds = milliseconds * 32 + _DIGITS.index(digit)
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
