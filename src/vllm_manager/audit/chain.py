"""The chain: each entry's hash covers the entry and the hash before it, so that any change shows.

Pure, and the same for the database and for an export that is verified elsewhere.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64
"""What stands before the first entry."""

MEMBERS = (
    "seq",
    "at",
    "kind",
    "intent_seq",
    "actor_id",
    "actor",
    "credential",
    "address",
    "action",
    "subject",
    "fields",
    "status",
    "code",
    "request_id",
    "note",
    "previous_hash",
)
"""What a hash covers, in this order."""

Link = Mapping[str, Any]
"""An entry as it is exported: every one of `MEMBERS`, times as RFC 3339 text, and `hash`."""


def hash_of(link: Link) -> str:
    """Return the hash that an entry must have."""
    text = json.dumps([link[name] for name in MEMBERS], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class Verdict:
    """What a walk along the chain found; `broken_at` is the first entry that does not fit."""

    entries: int = 0
    first_seq: int | None = None
    last_seq: int | None = None
    head: str | None = None
    broken_at: int | None = None
    reason: str | None = None

    @property
    def ok(self) -> bool:
        return self.broken_at is None


class Walk:
    """Verifies entries in the order of their numbers, however many pieces they come in."""

    def __init__(self, before: str | None = GENESIS) -> None:
        """`before`: the hash that the first entry must follow; None where that is not known."""
        self.verdict = Verdict()
        self._before = before

    def take(self, links: Iterable[Link]) -> bool:
        """Look at more entries; return False once one does not fit."""
        for link in links:
            reason = self._fault_of(link)
            if reason is not None:
                self.verdict.broken_at = int(link["seq"])
                self.verdict.reason = reason
                return False
            verdict = self.verdict
            verdict.entries += 1
            verdict.first_seq = link["seq"] if verdict.first_seq is None else verdict.first_seq
            verdict.last_seq, verdict.head = link["seq"], link["hash"]
        return True

    def _fault_of(self, link: Link) -> str | None:
        last = self.verdict.last_seq
        if last is not None and link["seq"] != last + 1:
            return f"Entry {last + 1} is missing."
        before = self._before if last is None else self.verdict.head
        if before is not None and link["previous_hash"] != before:
            return "It does not follow the entry before it: one of the two was changed."
        if link["hash"] != hash_of(link):
            return "What it says is not what it said when it was written."
        return None
