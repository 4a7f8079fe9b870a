"""Writes the snapshot section by section: as text, which is kept, compared and put together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Any

import orjson

from vllm_manager.auth import KeyFact, SessionFact
from vllm_manager.auth.keys import Limits
from vllm_manager.limits import Spent
from vllm_manager.limits.policies import PolicyFact, Scope

_FIGURES = tuple(Limits.model_fields)
_AT_ONCE = 500


class Sections:
    """The newest text of each section.

    Text is all that is kept: the objects that it is made of would be many, and a burden on the
    garbage collector.
    """

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._texts: dict[str, bytes] = {}

    def put(self, name: str, *parts: bytes) -> bool:
        """Keep the members of a section; return whether they differ from those before."""
        text = b",".join(filter(None, parts))
        if self._texts.get(name) == text:
            return False
        self._texts[name] = text
        return True

    def line(self, version: int) -> bytes:
        """Return the whole snapshot as a line of JSON; models are null until they are known."""
        head = orjson.dumps({"version": version, "epoch": self._epoch})[:-1]
        sections = (b'"%b":{%b}' % (name.encode(), text) for name, text in self._texts.items())
        unknown = () if "models" in self._texts else (b'"models":null',)
        return b",".join((head, *unknown, *sections)) + b"}\n"


def keys_text(keys: Iterable[KeyFact]) -> bytes:
    """Return members of `keys`, filed under the keys' fingerprints."""
    return _members(
        {
            key.fingerprint: {
                "id": key.id,
                "user": key.user_id,
                "name": key.name,
                "team": key.team_id,
                "expires_at": key.expires_at,
                "models": _json(key.models),
                "addresses": _json(key.addresses),
                "kind": key.kind,
                "priority": key.priority,
                "account": key.account_id,
            }
            for key in keys
        }
    )


def sessions_text(sessions: Iterable[SessionFact]) -> bytes:
    """Return members of `sessions`, filed under the cookies' fingerprints."""
    return _members(
        {
            session.fingerprint: {
                "id": session.id,
                "user": session.user_id,
                "team": session.team_id,
                "role": session.role,
                "csrf": session.csrf_fingerprint,
                "expires_at": session.expires_at,
            }
            for session in sessions
        }
    )


def models_text(models: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the members of `models`."""
    return _members({name: dict(route) for name, route in models.items()})


def limits_text(policies: Iterable[PolicyFact]) -> bytes:
    """Return members of `limits`, filed under scope and subject."""
    return _members(
        {
            _named(policy.scope, policy.subject): dict(zip(_FIGURES, policy.figures, strict=True))
            for policy in policies
        }
    )


def used_texts(used: Mapping[Scope, Spent], today: date) -> list[bytes]:
    """Return the members of `used`, some in each text."""
    return [
        _members(
            {
                _named(scope, subject): {
                    "day": today.isoformat(),
                    "tokens_today": spent.today[subject],
                    "tokens_this_month": spent.this_month[subject],
                }
                for subject in some
            }
        )
        for scope, spent in used.items()
        for some in _some(sorted(spent.today))
    ]


def _members(entries: Mapping[str, object]) -> bytes:
    return orjson.dumps(entries)[1:-1]


def _json(text: str | None) -> orjson.Fragment | None:
    return None if text is None else orjson.Fragment(text)


def _some(subjects: Sequence[str]) -> Iterator[Sequence[str]]:
    rest = iter(subjects)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


def _named(scope: Scope, subject: str) -> str:
    return f"{scope}:{subject}" if subject else scope
