"""Single sign-on over HTTP: the page asks where to go, and brings back what the provider said.

Both steps are the page's own requests, not redirects of this server's: what goes wrong is told on
the page, in words, and each login is in the audit log with what came of it.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from vllm_manager.auth.guard import caller_of, require_same_origin
from vllm_manager.auth.oidc.pending import LIFE
from vllm_manager.auth.oidc.schemas import (
    OidcFinished,
    OidcReturn,
    OidcStart,
    OidcStarted,
    OidcView,
)
from vllm_manager.auth.oidc.service import Refused, SingleSignOn
from vllm_manager.auth.routes import entered
from vllm_manager.auth.schemas import Actor

COOKIE = "vllm_manager_oidc"
PATH = "/api/v1/auth/oidc"
RETURN_PAGE = "/login/oidc"
"""Where the provider sends people: to be registered there."""

router = APIRouter(prefix=PATH, tags=["access"])


def sign_on_of(request: Request) -> SingleSignOn:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.sign_on


Service = Annotated[SingleSignOn, Depends(sign_on_of)]


@router.get("", operation_id="getOidc", summary="Whether there is single sign-on")
async def get_oidc(sign_on: Service) -> OidcView:
    """For the login page, before anybody is logged in."""
    return sign_on.view()


@router.post(
    "/start",
    operation_id="startOidcLogin",
    summary="Begin a login by single sign-on",
    dependencies=[Depends(require_same_origin)],
    responses={404: {"description": "It is not turned on."}},
)
async def start_oidc_login(
    request: Request, response: Response, body: OidcStart, sign_on: Service
) -> OidcStarted:
    """Return where to send the browser, which keeps a sealed cookie until it comes back."""
    begun = await sign_on.start(f"{_origin(request)}{RETURN_PAGE}", body.return_to)
    response.set_cookie(
        COOKIE,
        begun.sealed,
        max_age=int(LIFE.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path=PATH,
    )
    return OidcStarted(url=begun.url)


@router.post(
    "/finish",
    operation_id="finishOidcLogin",
    summary="Finish a login by single sign-on",
    dependencies=[Depends(require_same_origin)],
    responses={409: {"description": "It is not this browser's, too old, or was finished."}},
)
async def finish_oidc_login(
    request: Request, response: Response, body: OidcReturn, sign_on: Service
) -> OidcFinished:
    """Set the session cookie, for what the provider added to the address of the return page."""
    try:
        finished = await sign_on.finish(request.cookies.get(COOKIE), body, caller_of(request))
    except Refused as refused:
        if refused.user is not None:
            request.state.acted_as = Actor(refused.user.id, refused.user.username)
        raise
    response.delete_cookie(COOKIE, path=PATH)
    session = await entered(request, response, finished.opened)
    return OidcFinished(session=session, return_to=finished.return_to)


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"
