"""Writes the snapshot section by section, so that a change costs no more than its own section."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Any, NamedTuple

import orjson

from vllm_manager.auth import KeyFact, SessionFact
from vllm_manager.auth.keys import Limits
from vllm_manager.limits import Spent
from vllm_manager.limits.policies import PolicyFact, Scope

Entry = tuple[str, object]
_FIGURES = tuple(Limits.model_fields)
# Encoded at one go: the interpreter's lock is held for less than a millisecond.
_AT_ONCE = 500


class Sources(NamedTuple):
    """What a snapshot is made of."""

    keys: Sequence[KeyFact]
    sessions: Sequence[SessionFact]
    models: Mapping[str, Mapping[str, Any]]
    policies: Sequence[PolicyFact]
    used: Mapping[tuple[Scope, str], Spent]
    today: date


class Sections:
    """The newest snapshot as text. Not thread-safe: one call at a time."""

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._sources: dict[str, object] = {}
        self._texts: dict[str, bytes] = {}
        self._version = 0

    def encode(self, sources: Sources, version: int) -> tuple[bytes, bool]:
        """Return the line to send, and whether it has news and is therefore called `version`."""
        known = {key.id for key in sources.keys}
        policies = [p for p in sources.policies if p.scope != "key" or p.subject in known]
        is_new = False
        for name, source, entries in (
            ("keys", sources.keys, _keys),
            ("sessions", sources.sessions, _sessions),
            ("models", dict(sources.models), _models),
            ("limits", policies, _limits),
        ):
            is_new |= self._put(name, source, entries)
        self._put("used", (sources.used, sources.today), _used)
        if is_new:
            self._version = version
        return self._line(), is_new

    def _put(self, name: str, source: Any, entries: Callable[[Any], Iterator[Entry]]) -> bool:
        if name in self._sources and self._sources[name] == source:
            return False
        self._sources[name] = source
        self._texts[name] = _text(entries(source))
        return True

    def _line(self) -> bytes:
        head = orjson.dumps({"version": self._version, "epoch": self._epoch})[:-1]
        sections = (b'"%b":{%b}' % (name.encode(), text) for name, text in self._texts.items())
        return b",".join((head, *sections)) + b"}\n"


def _text(entries: Iterator[Entry]) -> bytes:
    """Return the members of a JSON object, without its braces."""
    parts: list[bytes] = []
    while some := dict(islice(entries, _AT_ONCE)):
        parts.append(orjson.dumps(some)[1:-1])
    return b",".join(parts)


def _keys(keys: Sequence[KeyFact]) -> Iterator[Entry]:
    for key in keys:
        entry = {
            "id": key.id,
            "user": key.user_id,
            "name": key.name,
            "team": key.team_id,
            "expires_at": key.expires_at,
            "models": key.models,
            "addresses": key.addresses,
        }
        yield key.fingerprint, entry


def _sessions(sessions: Sequence[SessionFact]) -> Iterator[Entry]:
    for session in sessions:
        entry = {
            "id": session.id,
            "user": session.user_id,
            "team": session.team_id,
            "role": session.role,
            "csrf": session.csrf_fingerprint,
            "expires_at": session.expires_at,
        }
        yield session.fingerprint, entry


def _models(models: Mapping[str, Mapping[str, Any]]) -> Iterator[Entry]:
    for name, route in models.items():
        yield name, dict(route)


def _limits(policies: Sequence[PolicyFact]) -> Iterator[Entry]:
    for policy in policies:
        yield _named(policy.scope, policy.subject), dict(zip(_FIGURES, policy.figures, strict=True))


def _used(source: tuple[Mapping[tuple[Scope, str], Spent], date]) -> Iterator[Entry]:
    used, today = source
    for (scope, subject), spent in used.items():
        entry = {
            "day": today.isoformat(),
            "tokens_today": spent.today,
            "tokens_this_month": spent.this_month,
        }
        yield _named(scope, subject), entry


def _named(scope: Scope, subject: str) -> str:
    return f"{scope}:{subject}" if subject else scope
