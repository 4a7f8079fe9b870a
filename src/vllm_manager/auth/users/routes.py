"""HTTP routes of users and invitations."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from vllm_manager.auth.guard import ADMINISTRATORS, OPERATORS, Administrator, access_of
from vllm_manager.auth.schemas import SessionInfo
from vllm_manager.auth.users.schemas import (
    Invitation,
    InvitationCreate,
    LinkIssued,
    SessionsEnded,
    UserChange,
    UserCreate,
    UserDetails,
)
from vllm_manager.auth.users.service import Users
from vllm_manager.kit.paging import MAX_LIMIT, Page

router = APIRouter(prefix="/api/v1/users", tags=["users"], dependencies=[Depends(OPERATORS)])
invitation_router = APIRouter(
    prefix="/api/v1/invitations", tags=["users"], dependencies=[Depends(ADMINISTRATORS)]
)


def users_of(request: Request) -> Users:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.users


Service = Annotated[Users, Depends(users_of)]
UserId = Annotated[str, Path(max_length=40, description="The user's id.")]
SessionId = Annotated[str, Path(max_length=40, description="The login session's id.")]
_CHANGE = [Depends(ADMINISTRATORS)]


@router.get("", operation_id="listUsers", summary="List users by name")
async def list_users(
    users: Service,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: str | None = None,
    q: Annotated[str | None, Query(max_length=200, description="Part of name or e-mail.")] = None,
) -> Page[UserDetails]:
    return await users.list(limit, cursor, q)


@router.post(
    "",
    operation_id="createUser",
    summary="Make a person with a password, or a service account",
    status_code=201,
    dependencies=_CHANGE,
    responses={409: {"description": "The name is taken."}},
)
async def create_user(asked: UserCreate, users: Service) -> UserDetails:
    return await users.create(asked)


@router.get("/{user_id}", operation_id="getUser", summary="Read one user")
async def get_user(user_id: UserId, users: Service) -> UserDetails:
    return await users.get(user_id)


@router.patch(
    "/{user_id}",
    operation_id="changeUser",
    summary="Change a user's role or e-mail",
    dependencies=_CHANGE,
    responses={409: {"description": "It is the last administrator."}},
)
async def change_user(user_id: UserId, change: UserChange, users: Service) -> UserDetails:
    return await users.change(user_id, change)


@router.post(
    "/{user_id}/disable",
    operation_id="disableUser",
    summary="Shut a user out at once",
    dependencies=_CHANGE,
    responses={409: {"description": "It is the last administrator."}},
)
async def disable_user(user_id: UserId, users: Service) -> UserDetails:
    """Logins and links end. Keys are refused, and work again once the user is enabled."""
    return await users.disable(user_id)


@router.post(
    "/{user_id}/enable",
    operation_id="enableUser",
    summary="Let a disabled user in again",
    dependencies=_CHANGE,
)
async def enable_user(user_id: UserId, users: Service) -> UserDetails:
    return await users.enable(user_id)


@router.post(
    "/{user_id}/reset",
    operation_id="resetUser",
    summary="Make a one-time link with which a user sets a new password",
    status_code=201,
    responses={409: {"description": "It is a service account, or disabled."}},
)
async def reset_user(
    user_id: UserId, request: Request, principal: Administrator, users: Service
) -> LinkIssued:
    """It works once, for 24 hours; an earlier link of the user no longer does."""
    return _addressed(request, await users.reset(user_id, principal))


@router.get("/{user_id}/sessions", operation_id="listUserSessions", summary="List a user's logins")
async def list_user_sessions(
    user_id: UserId, principal: Administrator, users: Service
) -> Page[SessionInfo]:
    return Page(items=list(await users.sessions(user_id, principal)))


@router.delete(
    "/{user_id}/sessions",
    operation_id="endUserSessions",
    summary="End all logins of a user",
    dependencies=_CHANGE,
)
async def end_user_sessions(user_id: UserId, users: Service) -> SessionsEnded:
    return SessionsEnded(ended=await users.end_sessions(user_id))


@router.delete(
    "/{user_id}/sessions/{session_id}",
    operation_id="endUserSession",
    summary="End one login of a user",
    status_code=204,
    dependencies=_CHANGE,
)
async def end_user_session(user_id: UserId, session_id: SessionId, request: Request) -> None:
    await access_of(request).end_session(user_id, session_id)


@invitation_router.get("", operation_id="listInvitations", summary="List open invitations")
async def list_invitations(users: Service) -> Page[Invitation]:
    return Page(items=list(await users.invitations()))


@invitation_router.post(
    "",
    operation_id="createInvitation",
    summary="Invite a person: a user, and a one-time link to set a password with",
    status_code=201,
    responses={409: {"description": "The name is taken."}},
)
async def create_invitation(
    asked: InvitationCreate, request: Request, principal: Administrator, users: Service
) -> LinkIssued:
    """The link works once, for 72 hours. It is shown here and never again."""
    return _addressed(request, await users.invite(asked, principal))


@invitation_router.delete(
    "/{invitation_id}",
    operation_id="withdrawInvitation",
    summary="Take an invitation back",
    status_code=204,
)
async def withdraw_invitation(
    invitation_id: Annotated[str, Path(max_length=40)], users: Service
) -> None:
    await users.withdraw(invitation_id)


def _addressed(request: Request, issued: LinkIssued) -> LinkIssued:
    """Complete the link with the address under which the administrator sees this server."""
    origin = f"{request.url.scheme}://{request.url.netloc}"
    return issued.model_copy(update={"url": f"{origin}/join#{issued.token}"})
