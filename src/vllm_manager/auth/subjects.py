"""Subjects: whom a limit or a count is about, for rooms that know them by id alone."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Select, select

from vllm_manager.auth.tables import Key, Team, TeamMember, User
from vllm_manager.db import Database

SubjectKind = Literal["team", "user", "key"]
_NAMES: Mapping[SubjectKind, Select[str, str]] = {
    "team": select(Team.id, Team.name),
    "user": select(User.id, User.username),
    "key": select(Key.id, Key.name),
}
_COLUMNS: Mapping[SubjectKind, Any] = {"team": Team.id, "user": User.id, "key": Key.id}


class KeySubject(NamedTuple):
    """A key, and who else its use counts for."""

    id: str
    name: str
    user_id: str
    team_id: str | None
    models: list[str] | None


class KeyMark(NamedTuple):
    """What people know a key by."""

    name: str
    last_four: str


class Subjects:
    """Looks up names and belongings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def names(self, kind: SubjectKind, ids: Sequence[str]) -> dict[str, str]:
        """Return id → name of those that there are."""
        if not ids:
            return {}
        async with self._database.read() as session:
            rows = await session.execute(_NAMES[kind].where(_COLUMNS[kind].in_(ids)))
        return {row[0]: row[1] for row in rows}

    async def key(self, key_id: str) -> KeySubject | None:
        query = select(Key.id, Key.name, Key.user_id, Key.team_id, Key.models)
        async with self._database.read() as session:
            row = (await session.execute(query.where(Key.id == key_id))).first()
        return None if row is None else KeySubject(*row)

    async def keys(self, ids: Sequence[str]) -> dict[str, KeyMark]:
        """Return id → marks of those keys that there are."""
        if not ids:
            return {}
        query = select(Key.id, Key.name, Key.last_four).where(Key.id.in_(ids))
        async with self._database.read() as session:
            rows = await session.execute(query)
        return {row[0]: KeyMark(row[1], row[2]) for row in rows}

    async def keys_of(self, user_id: str) -> list[str]:
        """Return the ids of a user's keys, also of those that don't work any more."""
        async with self._database.read() as session:
            return list(await session.scalars(select(Key.id).where(Key.user_id == user_id)))

    async def teams_of(self, user_id: str) -> list[str]:
        """Return the ids of the teams that a user is in."""
        query = select(TeamMember.team_id).where(TeamMember.user_id == user_id)
        async with self._database.read() as session:
            return list(await session.scalars(query))
