"""Logging in and out, one's own logins and password, and one-time links, over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request, Response

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

LINK_HEADER = "X-Link-Token"
"""Carries a link's secret: what stands in an address is written to logs and histories."""
router = APIRouter(prefix="/api/v1/auth", tags=["access"])
"""The ways in, for strangers."""
own_router = APIRouter(prefix="/api/v1/auth", tags=["access"])
"""One's own logins and password."""


def links_of(request: Request) -> Links:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.links


LinkService = Annotated[Links, Depends(links_of)]
LinkToken = Annotated[
    str,
    Header(alias=LINK_HEADER, max_length=128, description="What stands in the link behind `#`."),
]

_NO_LINK: dict[int | str, dict[str, Any]] = {
    404: {"description": "The link was used or replaced, is too old, or never was."}
}


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


@own_router.post("/logout", operation_id="logout", summary="End the login session", status_code=204)
async def logout(request: Request, response: Response, principal: Anyone) -> None:
    """End the session on the server and remove the cookie; a key stays valid."""
    await access_of(request).log_out(principal)
    response.delete_cookie(COOKIE, path="/")


@own_router.get("/me", operation_id="getMe", summary="Who is asking")
async def me(request: Request, principal: Anyone, cookie: Cookie) -> SessionView:
    """Return the user of the session or key in use, and the session's CSRF token."""
    of_session = principal.session_id is not None and cookie is not None
    teams = await access_of(request).teams_of(principal.user_id)
    return principal.view(csrf_token_of(cookie) if of_session and cookie else None, teams)


@own_router.post(
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


@own_router.get("/sessions", operation_id="listSessions", summary="List one's own logins")
async def list_sessions(request: Request, principal: Anyone) -> Page[SessionInfo]:
    access = access_of(request)
    return Page(items=await access.sessions_of(principal.user_id, principal.session_id))


@own_router.delete(
    "/sessions/{session_id}",
    operation_id="endSession",
    summary="End one of one's own logins",
    status_code=204,
)
async def end_session(
    session_id: Annotated[str, Path(max_length=40)], request: Request, principal: Anyone
) -> None:
    await access_of(request).end_session(principal.user_id, session_id)


@router.get(
    "/links",
    operation_id="getLink",
    summary="See whom a one-time link is for",
    responses=_NO_LINK,
)
async def get_link(token: LinkToken, links: LinkService) -> LinkView:
    """What was used, is too old, or never was, is the same 404."""
    return await links.view(token)


@router.post(
    "/links",
    operation_id="acceptLink",
    summary="Set a password with a one-time link, and log in",
    responses=_NO_LINK,
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
