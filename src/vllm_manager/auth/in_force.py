"""What opens the gateway now: every key and login in force, read without holding the loop.

Some rows at a time are read, handed on and let go of: neither a long step nor many objects at once,
which the garbage collector would have to walk through, stall other requests. Who reads must close
what they read from (`aclosing`), so that its connection is given back also where reading fails.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, Text, cast, or_, select

from vllm_manager.auth.schemas import Role
from vllm_manager.auth.tables import Key, LoginSession, TeamMember, User
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock

# Rows that are made into facts at one go: a millisecond's work.
_AT_ONCE = 250
_Row = Row[*tuple[Any, ...]]


class KeyFact(NamedTuple):
    """A key that is in force, as the gateway must know it."""

    fingerprint: str
    id: str
    user_id: str
    name: str
    team_id: str | None
    models: str | None
    """The models it may use, as JSON text; None means all. A viewer's key may use none."""
    addresses: str | None
    """The networks (CIDR) it may come from, as JSON text; None means any."""
    priority: str
    expires_at: float | None
    kind: str = "person"
    """Of the user: a person, or a service account (`service`)."""
    account_id: str | None = None
    """The first of the keys that were rotated, one after another, to this one; None: it is that.

    All of them use up the same limits.
    """


class SessionFact(NamedTuple):
    """A login that is in force, as the gateway must know it."""

    fingerprint: str
    id: str
    user_id: str
    team_id: str | None
    role: Role
    csrf_fingerprint: str
    expires_at: float


class InForce:
    """Reads plain columns, so that ten thousand keys stall nobody."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def keys(self) -> AsyncGenerator[list[KeyFact]]:
        """Yield every key in force, in the order of their ids, some at a time."""
        now, first_of = self._clock.now(), await self._first_keys()
        unexpired = or_(Key.expires_at.is_(None), Key.expires_at > now)
        query = (
            select(
                *(Key.fingerprint, Key.id, Key.user_id, Key.name, Key.team_id),
                *(cast(Key.models, Text), cast(Key.addresses, Text)),
                *(Key.priority, Key.expires_at, User.role, User.kind),
            )
            .join(User, User.id == Key.user_id)
            .where(Key.revoked_at.is_(None), unexpired, _is_enabled())
            .order_by(Key.id)
        )
        async with aclosing(self._parts(query)) as parts:
            async for rows in parts:
                yield [_key(row, first_of) for row in rows]

    async def sessions(self) -> AsyncGenerator[list[SessionFact]]:
        """Yield every login in force, in the order of their ids, some at a time."""
        team_of = await self._teams()
        query = (
            select(
                *(LoginSession.fingerprint, LoginSession.id, LoginSession.user_id),
                *(User.role, LoginSession.csrf_fingerprint, LoginSession.expires_at),
            )
            .join(User, User.id == LoginSession.user_id)
            .where(LoginSession.expires_at > self._clock.now(), _is_enabled())
            .order_by(LoginSession.id)
        )
        async with aclosing(self._parts(query)) as parts:
            async for rows in parts:
                yield [_session(row, team_of) for row in rows]

    async def _first_keys(self) -> dict[str, str]:
        """Return for every key that another was rotated to the first one in that row."""
        query = select(Key.replaced_by_id, Key.id).where(Key.replaced_by_id.is_not(None))
        before = {row[0]: row[1] async for rows in self._parts(query) for row in rows}
        return {key_id: _first(before, key_id) for key_id in before}

    async def _teams(self) -> dict[str, str]:
        """Return for every user who is in a team the one that they have been in the longest."""
        latest_first = (TeamMember.since.desc(), TeamMember.team_id.desc())
        query = select(TeamMember.user_id, TeamMember.team_id).order_by(*latest_first)
        return {row[0]: row[1] async for rows in self._parts(query) for row in rows}

    async def _parts(self, query: Select[*tuple[Any, ...]]) -> AsyncGenerator[Sequence[_Row]]:
        query = query.execution_options(yield_per=_AT_ONCE)
        async with self._database.read() as session:
            async for rows in (await session.stream(query)).partitions():
                yield rows


def _first(before: Mapping[str, str], key_id: str) -> str:
    while key_id in before:
        key_id = before[key_id]
    return key_id


def _key(row: _Row, first_of: Mapping[str, str]) -> KeyFact:
    fingerprint, key_id, user_id, name, team_id, models, addresses, *more = row
    priority, expires_at, role, kind = more
    usable: str | None = "[]" if role == "viewer" else models
    expires = None if expires_at is None else expires_at.timestamp()
    return KeyFact(
        *(fingerprint, key_id, user_id, name, team_id, usable, addresses, priority, expires, kind),
        account_id=first_of.get(key_id),
    )


def _session(row: _Row, team_of: Mapping[str, str]) -> SessionFact:
    fingerprint, session_id, user_id, role, csrf, expires_at = row
    team_id = team_of.get(user_id)
    return SessionFact(
        fingerprint, session_id, user_id, team_id, role, csrf, expires_at.timestamp()
    )


def _is_enabled() -> ColumnElement[bool]:
    return User.disabled_at.is_(None)
