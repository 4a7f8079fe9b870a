"""Every change and every login goes through the audit log: before it is made, and after."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vllm_manager.audit import Attempt, AuditLog
from vllm_manager.auth import Actor, Principal
from vllm_manager.auth.guard import caller_of
from vllm_manager.auth.routes import LINK_HEADER, links_of
from vllm_manager.auth.throttle import site_of, too_many_attempts
from vllm_manager.kit.errors import Problem

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
READING: Final = frozenset({"estimateFit", "reportClientErrors", "startOidcLogin"})
"""Operations that change nothing although their method is POST: what they are asked is too long
for an address, their answer is for this browser alone, or they go into the log."""
_STATE: Final = "audit_seq"
_NAMES: Final = ("name", "username", "repo", "model", "path")
"""What names a thing that is being made."""
_USERNAME: Final = re.compile(r"[a-z0-9]([a-z0-9._@-]{0,62}[a-z0-9])?")
_MOST_FIELDS: Final = 50
_MOST_READ_BYTES: Final = 1 << 16


async def audited(request: Request) -> None:
    """A dependency of every route: an unsafe method is written down before it does anything.

    Raises:
        Problem: `audit_unavailable` (503); `too_many_attempts` (429) to strangers who were refused
            too often, of whom only a sum is written down from then on.
    """
    if request.method in SAFE_METHODS or _action(request) in READING:
        return
    audit: AuditLog = request.app.state.audit
    principal: Principal | None = getattr(request.state, "principal", None)
    stranger = site_of(caller_of(request).address) if principal is None else None
    if stranger is not None:
        await _hold_back(audit, stranger)
    body = await _body(request)
    attempt = Attempt(
        action=_action(request),
        actor_id=principal.user_id if principal else None,
        actor=principal.username if principal else await _stranger(request, body),
        credential=(principal.session_id or principal.key_id) if principal else None,
        address=caller_of(request).address[:64],
        subject=_subject(request, body),
        fields=sorted(str(name)[:64] for name in body)[:_MOST_FIELDS],
        request_id=getattr(request.state, "request_id", None),
    )
    begun = _Begun(await audit.begin(attempt), attempt.action, stranger)
    request.scope.setdefault("state", {})[_STATE] = begun


async def _hold_back(audit: AuditLog, address: str) -> None:
    await audit.sum_up()
    wait_seconds = audit.floods.wait_seconds(address)
    if wait_seconds is not None:
        audit.floods.leave_out(address)
        raise too_many_attempts(wait_seconds)


class _Begun(NamedTuple):
    """An entry that waits for its result."""

    seq: int
    action: str
    stranger: str | None
    """Where someone without a credential comes from."""


class Auditing:
    """Completes the entry before the answer leaves, so that who sees it done finds it written."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        completing = _Completing(scope, send)
        try:
            await self._app(scope, receive, completing)
        except Exception:
            await completing.broke()
            raise


class _Completing:
    """The way out of one answer. What went wrong is read off the problem it carries."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._head: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._begun() is not None:
            self._head = message
            if message["status"] < 400:
                await self._complete(message["status"], None)
            return
        if self._head is not None:
            await self._complete_with(message)
        await self._send(message)

    async def broke(self) -> None:
        """Write down that nobody foresaw what happened; the answer is made further out."""
        if self._begun() is not None:
            await self._write(500, "internal_error")

    def _begun(self) -> _Begun | None:
        return self._scope.get("state", {}).get(_STATE)

    async def _complete_with(self, message: Message) -> None:
        head = self._head
        if head is not None:
            await self._complete(head["status"], _code(message.get("body", b"")))

    async def _complete(self, status: int, code: str | None) -> None:
        head, self._head = self._head, None
        await self._write(status, code)
        if head is not None:
            await self._send(head)

    async def _write(self, status: int, code: str | None) -> None:
        begun: _Begun = self._scope["state"].pop(_STATE)
        audit: AuditLog = self._scope["app"].state.audit
        if begun.stranger is not None and 400 <= status < 500:
            audit.floods.note_refused(begun.stranger)
        actor: Actor | None = self._scope["state"].get("acted_as")
        await audit.finish(begun.seq, begun.action, status, code, _result_of(actor))


def _result_of(actor: Actor | None) -> dict[str, str | None]:
    if actor is None:
        return {}
    return {
        "actor_id": actor.user_id,
        "actor": actor.username,
        "credential": actor.credential,
    }


async def _body(request: Request) -> Mapping[str, Any]:
    """Return the members of a small JSON body; it was read before, to be checked."""
    raw = await request.body()
    if not raw or len(raw) > _MOST_READ_BYTES:
        return {}
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _action(request: Request) -> str:
    route = request.scope.get("route")
    return str(getattr(route, "operation_id", None) or getattr(route, "path", "unknown"))[:64]


def _subject(request: Request, body: Mapping[str, Any]) -> str | None:
    """Return what is changed: the ids of the address, else the name in the body."""
    parts = [str(value) for value in request.path_params.values()]
    if parts:
        return "/".join(parts)[:255]
    named = (_text(body.get(name), 255) for name in _NAMES)
    return next((text for text in named if text), None)


async def _stranger(request: Request, body: Mapping[str, Any]) -> str | None:
    """Return who somebody without a credential says to be, or whom their one-time link is for."""
    token = request.headers.get(LINK_HEADER)
    if token is None:
        return _named(body.get("username"))
    try:
        return (await links_of(request).view(token)).username
    except Problem:  # used, too old, or made up: nobody's
        return None


def _named(value: object) -> str | None:
    """Return the name given at a login. What can be no name may be a password: it is not kept."""
    text = _text(value, 64)
    return text if text is None or _USERNAME.fullmatch(text) else "(no user name)"


def _text(value: object, longest: int) -> str | None:
    return value[:longest] if isinstance(value, str) and value else None


def _code(body: bytes) -> str | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    code = cast("dict[str, Any]", found).get("code") if isinstance(found, dict) else None
    return _text(code, 64)
