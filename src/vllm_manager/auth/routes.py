"""Logging in and out over HTTP."""

from fastapi import APIRouter, Depends, Request, Response

from vllm_manager.auth.guard import COOKIE, Anyone, Cookie, access_of, require_same_origin
from vllm_manager.auth.schemas import Login, SessionView
from vllm_manager.auth.service import WHOLE_LIFE, csrf_token_of

router = APIRouter(prefix="/api/v1/auth", tags=["access"])


@router.post(
    "/login",
    operation_id="login",
    summary="Log in with a name and a password",
    dependencies=[Depends(require_same_origin)],
)
async def login(request: Request, response: Response, body: Login) -> SessionView:
    """Set the session cookie and return the CSRF token that goes with it."""
    access = access_of(request)
    address = request.client.host if request.client else "unknown"
    opened = await access.log_in(body.username, body.password, address)
    response.set_cookie(
        COOKIE,
        opened.token,
        max_age=int(WHOLE_LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )
    return opened.principal.view(opened.csrf_token)


@router.post("/logout", operation_id="logout", summary="End the login session", status_code=204)
async def logout(request: Request, response: Response, principal: Anyone) -> None:
    """End the session on the server and remove the cookie; a key stays valid."""
    await access_of(request).log_out(principal)
    response.delete_cookie(COOKIE, path="/")


@router.get("/me", operation_id="getMe", summary="Who is asking")
async def me(principal: Anyone, cookie: Cookie) -> SessionView:
    """Return the user of the session or key in use, and the session's CSRF token."""
    of_session = principal.session_id is not None and cookie is not None
    return principal.view(csrf_token_of(cookie) if of_session and cookie else None)
