"""HTTP routes of teams."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from vllm_manager.auth.guard import ADMINISTRATORS, OPERATORS
from vllm_manager.auth.teams.schemas import TeamCreate, TeamDetails
from vllm_manager.auth.teams.service import Teams
from vllm_manager.kit.paging import MAX_LIMIT, Page

router = APIRouter(prefix="/api/v1/teams", tags=["users"], dependencies=[Depends(OPERATORS)])


def teams_of(request: Request) -> Teams:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.teams


Service = Annotated[Teams, Depends(teams_of)]
TeamId = Annotated[str, Path(max_length=40, description="The team's id.")]
UserId = Annotated[str, Path(max_length=40, description="The user's id.")]
_CHANGE = [Depends(ADMINISTRATORS)]


@router.get("", operation_id="listTeams", summary="List teams by name")
async def list_teams(
    teams: Service,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: str | None = None,
) -> Page[TeamDetails]:
    return await teams.list(limit, cursor)


@router.post(
    "",
    operation_id="createTeam",
    summary="Make a team",
    status_code=201,
    dependencies=_CHANGE,
    responses={409: {"description": "The name is taken."}},
)
async def create_team(asked: TeamCreate, teams: Service) -> TeamDetails:
    return await teams.create(asked.name)


@router.get("/{team_id}", operation_id="getTeam", summary="Read one team")
async def get_team(team_id: TeamId, teams: Service) -> TeamDetails:
    return await teams.get(team_id)


@router.delete(
    "/{team_id}",
    operation_id="deleteTeam",
    summary="Delete a team; its members stay users",
    status_code=204,
    dependencies=_CHANGE,
    responses={409: {"description": "Keys count for it."}},
)
async def delete_team(team_id: TeamId, teams: Service) -> None:
    await teams.delete(team_id)


@router.put(
    "/{team_id}/members/{user_id}",
    operation_id="addTeamMember",
    summary="Put a user into a team",
    dependencies=_CHANGE,
)
async def add_team_member(team_id: TeamId, user_id: UserId, teams: Service) -> TeamDetails:
    return await teams.add(team_id, user_id)


@router.delete(
    "/{team_id}/members/{user_id}",
    operation_id="removeTeamMember",
    summary="Take a user out of a team",
    dependencies=_CHANGE,
)
async def remove_team_member(team_id: TeamId, user_id: UserId, teams: Service) -> TeamDetails:
    return await teams.remove(team_id, user_id)
