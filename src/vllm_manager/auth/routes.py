"""Logging in and out, one's own logins and password, and one-time links, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from vllm_manager.auth.guard import (
    COOKIE,
    Anyone,
    Cookie,
    access_of,
    caller_of,
    require_same_origin,
)
from vllm_manager.auth.links import Links
from vllm_manager.auth.schemas import (
    Actor,
    LinkAccept,
    LinkView,
    Login,
    Opened,
    PasswordChange,
    SessionInfo,
    SessionView,
)
from vllm_manager.auth.service import WHOLE_LIFE, csrf_token_of
from vllm_manager.kit.paging import Page

router = APIRouter(prefix="/api/v1/auth", tags=["access"])


def links_of(request: Request) -> Links:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.links


LinkService = Annotated[Links, Depends(links_of)]
LinkToken = Annotated[str, Path(max_length=128, description="What stands in the link behind `#`.")]


@router.post(
    "/login",
    operation_id="login",
    summary="Log in with a name and a password",
    dependencies=[Depends(require_same_origin)],
)
async def login(request: Request, response: Response, body: Login) -> SessionView:
    """Set the session cookie and return the CSRF token that goes with it."""
    access = access_of(request)
    password = body.password.get_secret_value()
    opened = await access.log_in(body.username, password, caller_of(request))
    return await entered(request, response, opened)


@router.post("/logout", operation_id="logout", summary="End the login session", status_code=204)
async def logout(request: Request, response: Response, principal: Anyone) -> None:
    """End the session on the server and remove the cookie; a key stays valid."""
    await access_of(request).log_out(principal)
    response.delete_cookie(COOKIE, path="/")


@router.get("/me", operation_id="getMe", summary="Who is asking")
async def me(request: Request, principal: Anyone, cookie: Cookie) -> SessionView:
    """Return the user of the session or key in use, and the session's CSRF token."""
    of_session = principal.session_id is not None and cookie is not None
    teams = await access_of(request).teams_of(principal.user_id)
    return principal.view(csrf_token_of(cookie) if of_session and cookie else None, teams)


@router.post(
    "/password",
    operation_id="changePassword",
    summary="Change one's own password",
    status_code=204,
    responses={
        409: {"description": "There is none: the user comes by single sign-on or keys alone."},
        429: {"description": "Too many wrong passwords."},
    },
)
async def change_password(request: Request, body: PasswordChange, principal: Anyone) -> None:
    """Every other login of the user ends; this one goes on."""
    await access_of(request).change_password(
        principal,
        body.current_password.get_secret_value(),
        body.new_password.get_secret_value(),
        caller_of(request),
    )


@router.get("/sessions", operation_id="listSessions", summary="List one's own logins")
async def list_sessions(request: Request, principal: Anyone) -> Page[SessionInfo]:
    access = access_of(request)
    return Page(items=await access.sessions_of(principal.user_id, principal.session_id))


@router.delete(
    "/sessions/{session_id}",
    operation_id="endSession",
    summary="End one of one's own logins",
    status_code=204,
)
async def end_session(
    session_id: Annotated[str, Path(max_length=40)], request: Request, principal: Anyone
) -> None:
    await access_of(request).end_session(principal.user_id, session_id)


@router.get("/links/{token}", operation_id="getLink", summary="See whom a one-time link is for")
async def get_link(token: LinkToken, links: LinkService) -> LinkView:
    """What was used, is too old, or never was, is the same 404."""
    return await links.view(token)


@router.post(
    "/links/{token}",
    operation_id="acceptLink",
    summary="Set a password with a one-time link, and log in",
    dependencies=[Depends(require_same_origin)],
)
async def accept_link(
    token: LinkToken, request: Request, response: Response, body: LinkAccept, links: LinkService
) -> SessionView:
    """The link is used up, and every earlier login of the user ends."""
    password = body.password.get_secret_value()
    return await entered(request, response, await links.accept(token, password, caller_of(request)))


async def entered(request: Request, response: Response, opened: Opened) -> SessionView:
    """Hand the new session to the browser, and tell the audit log whose it is."""
    request.state.acted_as = Actor.of(opened.principal)
    response.set_cookie(
        COOKIE,
        opened.token,
        max_age=int(WHOLE_LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )
    teams = await access_of(request).teams_of(opened.principal.user_id)
    return opened.principal.view(opened.csrf_token, teams)
