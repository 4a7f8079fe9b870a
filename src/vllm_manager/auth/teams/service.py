"""Teams: made, filled, emptied and deleted."""

from collections.abc import Sequence
from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth.schemas import Role
from vllm_manager.auth.service import Access
from vllm_manager.auth.tables import Team, TeamMember
from vllm_manager.auth.teams import store
from vllm_manager.auth.teams.schemas import Member, TeamDetails
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.paging import Page, cut, decode_cursor
from vllm_manager.kit.topics import Hub

TOPIC = "users"


class Teams:
    """Every team. Changes are told under the topic `users`."""

    def __init__(self, database: Database, clock: Clock, access: Access, hub: Hub) -> None:
        self._database = database
        self._clock = clock
        self._access = access
        self._hub = hub

    async def list(self, limit: int, cursor: str | None = None) -> Page[TeamDetails]:
        """Return teams by name."""
        async with self._database.read() as session:
            rows = await store.page(session, limit + 1, decode_cursor(cursor))
            kept, next_cursor = cut(rows, limit, [row.name for row in rows])
            return Page(items=await _details(session, kept), next_cursor=next_cursor)

    async def get(self, team_id: str) -> TeamDetails:
        """Return one team.

        Raises:
            Problem: `team_not_found` (404).
        """
        async with self._database.read() as session:
            return await _detail(session, await _existing(session, team_id))

    async def create(self, name: str) -> TeamDetails:
        """Make a team without members.

        Raises:
            Problem: `name_taken` (409).
        """
        async with self._database.unit_of_work() as session:
            if await store.id_of(session, name) is not None:
                detail = f"There is already a team “{name}”. Choose another name."
                raise Problem("name_taken", detail, status=409)
            team = Team(id=new_id("team"), name=name, created_at=self._clock.now())
            session.add(team)
            await session.flush()
            details = await _detail(session, team)
        return self._told(details)

    async def delete(self, team_id: str) -> None:
        """Delete a team. Its members stay users.

        Raises:
            Problem: `team_not_found` (404); `team_in_use` (409) while keys count for it.
        """
        async with self._database.unit_of_work() as session:
            team = await _existing(session, team_id)
            keys = await store.key_names(session, team_id)
            if keys:
                named = ", ".join(keys[:5])
                raise Problem(
                    "team_in_use",
                    f"Keys count for the team “{team.name}”: {named}. Revoke them first; without "
                    "the team they would escape its limits.",
                    status=409,
                )
            await store.remove(session, team)
        self._access.credentials_changed()
        self._hub.publish(TOPIC, "team_deleted", {"id": team_id})

    async def add(self, team_id: str, user_id: str) -> TeamDetails:
        """Put a user into a team; one who is in it already stays.

        Raises:
            Problem: `team_not_found`, `user_not_found` (404).
        """
        async with self._database.unit_of_work() as session:
            team = await _existing(session, team_id)
            if not await store.user_exists(session, user_id):
                detail = "There is no such user. List them to see their ids."
                raise Problem("user_not_found", detail, status=404)
            if await store.membership(session, team_id, user_id) is None:
                session.add(TeamMember(team_id=team_id, user_id=user_id, since=self._clock.now()))
                await session.flush()
            details = await _detail(session, team)
        self._access.credentials_changed()
        return self._told(details)

    async def remove(self, team_id: str, user_id: str) -> TeamDetails:
        """Take a user out of a team. The keys that they made for it stay.

        Raises:
            Problem: `team_not_found`, `member_not_found` (404).
        """
        async with self._database.unit_of_work() as session:
            team = await _existing(session, team_id)
            membership = await store.membership(session, team_id, user_id)
            if membership is None:
                detail = f"This user is not in the team “{team.name}”."
                raise Problem("member_not_found", detail, status=404)
            await session.delete(membership)
            await session.flush()
            details = await _detail(session, team)
        self._access.credentials_changed()
        return self._told(details)

    def _told(self, details: TeamDetails) -> TeamDetails:
        self._hub.publish(TOPIC, "team", details.model_dump(mode="json"))
        return details


async def _existing(session: AsyncSession, team_id: str) -> Team:
    team = await store.by_id(session, team_id)
    if team is None:
        raise Problem(
            "team_not_found", "There is no such team. List them to see their ids.", status=404
        )
    return team


async def _details(session: AsyncSession, teams: Sequence[Team]) -> list[TeamDetails]:
    found = await store.members(session, [team.id for team in teams])
    return [
        TeamDetails(
            id=team.id,
            name=team.name,
            created_at=team.created_at,
            members=[
                Member(
                    user_id=user.id,
                    username=user.username,
                    role=cast("Role", user.role),
                    since=member.since,
                )
                for member, user in found.get(team.id, [])
            ],
        )
        for team in teams
    ]


async def _detail(session: AsyncSession, team: Team) -> TeamDetails:
    return (await _details(session, [team]))[0]
