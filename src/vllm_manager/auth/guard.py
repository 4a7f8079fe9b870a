"""The dependencies that let a request in: people by cookie or key, machines by a shared token."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from vllm_manager.auth.schemas import Caller, Principal, Role
from vllm_manager.auth.service import Access
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.secrets import fingerprint, matches

COOKIE = "vllm_manager_session"
CSRF_HEADER = "x-csrf-token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FOR_EVERY_KEY = frozenset({"getMe"})
"""Operations of the REST API that a key may call though it is for models only."""

_bearer = HTTPBearer(
    auto_error=False, scheme_name="key", description="An API key: `Authorization: Bearer vm-…`."
)
_cookie = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    scheme_name="session",
    description="The login session. Unsafe methods also need the header `X-CSRF-Token`.",
)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
Cookie = Annotated[str | None, Security(_cookie)]


def access_of(request: Request) -> Access:
    """Return the access room of the application that serves `request`."""
    return request.app.state.access


def caller_of(request: Request) -> Caller:
    """Return where `request` comes from. Behind a proxy that is trusted, that is its client."""
    return Caller(
        address=request.client.host if request.client else "unknown",
        agent=request.headers.get("user-agent", ""),
        session_token=request.cookies.get(COOKIE),
    )


def require_same_origin(request: Request) -> None:
    """Refuse a browser that acts for a page of another site.

    Browsers say `Origin` and `Sec-Fetch-Site` themselves; pages can't forge them. Programs send
    neither.

    Raises:
        Problem: `cross_origin` (403).
    """
    if _is_foreign(request):
        raise Problem(
            "cross_origin",
            "This request came from a page of another site. Open the web interface itself, or "
            "use an API key.",
            status=403,
        )


async def require_user(request: Request, bearer: Bearer, cookie: Cookie) -> Principal:
    """Return who is asking.

    Raises:
        Problem: `not_authenticated` (401); or `csrf_required`, `cross_origin`,
            `address_not_allowed`, `key_for_models_only` (403).
    """
    access = access_of(request)
    if "authorization" in request.headers:
        principal = await access.by_key(bearer.credentials, caller_of(request)) if bearer else None
    elif cookie:
        principal = await access.by_session(cookie, caller_of(request))
        _require_csrf(request, principal)
    else:
        principal = None
    if principal is None:
        raise _not_authenticated()
    _require_management(request, principal)
    request.state.principal = principal
    return principal


User = Annotated[Principal, Depends(require_user)]


class RequiredRole:
    """A dependency that lets in only users with one of `roles`; others get 403 `forbidden`.

    The API's description shows, per route, the roles of every such dependency on the way to it.
    """

    def __init__(self, roles: tuple[Role, ...]) -> None:
        self.roles = roles

    async def __call__(self, principal: User) -> Principal:
        if principal.role not in self.roles:
            raise Problem(
                "forbidden",
                f"This needs the role {' or '.join(self.roles)}; yours is {principal.role}. Ask an "
                "administrator to do it, or for the role.",
                status=403,
            )
        return principal


def require_role(*roles: Role) -> RequiredRole:
    """Return the dependency that lets in only users with one of `roles`."""
    return RequiredRole(roles)


ANYONE = require_role("administrator", "operator", "member", "viewer")
OPERATORS = require_role("administrator", "operator")
ADMINISTRATORS = require_role("administrator")
Anyone = Annotated[Principal, Depends(ANYONE)]
Operator = Annotated[Principal, Depends(OPERATORS)]
Administrator = Annotated[Principal, Depends(ADMINISTRATORS)]


async def require_internal(request: Request) -> None:
    """Let in the gateway's own calls: the token in `secrets/internal_token`."""
    _require_token(request, request.app.state.internal_token, "secrets/internal_token")


async def require_report(request: Request) -> None:
    """Let in the replicas' reports: the token in `secrets/report_token`."""
    _require_token(request, request.app.state.report_token, "secrets/report_token")


def _is_foreign(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin is None:
        return False
    # A proxy in front may change Host; a page of another site can't set X-Forwarded-Host.
    hosts = (request.headers.get("host"), request.headers.get("x-forwarded-host"))
    return urlsplit(origin).netloc not in hosts


def _require_token(request: Request, expected: str, where: str) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not matches(token, expected):
        raise Problem(
            "not_authenticated",
            f"This is for this product's own processes, which send the token in {where}.",
            status=401,
        )


def _require_csrf(request: Request, principal: Principal | None) -> None:
    if principal is None:
        return
    require_same_origin(request)
    if request.method in _SAFE_METHODS:
        return
    sent = request.headers.get(CSRF_HEADER, "")
    if not matches(fingerprint(sent), principal.csrf_fingerprint or ""):
        raise Problem(
            "csrf_required",
            "A change made with the login session needs the header X-CSRF-Token with the value "
            "that GET /api/v1/auth/me returns. Reload the page and try again.",
            status=403,
        )


def _require_management(request: Request, principal: Principal) -> None:
    operation = getattr(request.scope.get("route"), "operation_id", None)
    if not principal.manages and operation not in _FOR_EVERY_KEY:
        raise Problem(
            "key_for_models_only",
            "This key is for asking models, under /v1, and does not open the rest of the API. Log "
            "in, or use a key that was made with `management`.",
            status=403,
        )


def _not_authenticated() -> Problem:
    return Problem(
        "not_authenticated",
        "Log in, or send an API key as `Authorization: Bearer vm-…`. The first administrator's "
        "are in secrets/admin.json in the server's home folder. A login ends after 7 days "
        "without use; a key that was revoked or has expired no longer works.",
        status=401,
    )
