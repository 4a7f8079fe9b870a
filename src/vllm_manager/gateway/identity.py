"""Who asks under `/v1`: a bearer key, or the UI's session with its CSRF token."""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

from vllm_manager.gateway.answers import Refusal
from vllm_manager.gateway.directory import Directory
from vllm_manager.gateway.priorities import NORMAL, PRIORITIES
from vllm_manager.kit.addresses import Network, is_within, networks

COOKIE_NAME = b"vllm_manager_session"


class Asker(NamedTuple):
    """Someone who may use the models in `models` (None: all of them)."""

    user: str
    key: str | None
    models: list[str] | None
    team: str | None = None
    key_name: str = ""
    priority: int = NORMAL
    """The class in which its requests wait, see `priorities`."""
    is_service: bool = False
    """The key is a service account's."""
    account: str | None = None
    """The key whose limits are used up; None: its own."""

    @property
    def key_class(self) -> Literal["user", "service", "session"]:
        if self.key is None:
            return "session"
        return "service" if self.is_service else "user"


def identify(
    directory: Directory,
    headers: Mapping[bytes, bytes],
    *,
    is_safe: bool = False,
    takes_x_api_key: bool = False,
    uses_models: bool = True,
    address: Callable[[], str] = lambda: "",
) -> Asker:
    """Return who asks.

    Args:
        directory: the keys and sessions in force.
        headers: lower-case names.
        is_safe: the method changes nothing, so a session needs no CSRF token.
        takes_x_api_key: the key may stand in `x-api-key`, as Anthropic's clients send it.
        uses_models: what is asked for is a model, which is not for viewers.
        address: returns the client's, for keys that may come from some networks only.

    Raises:
        Refusal: there is no credential, or it is not valid (401); it may not be used for this, or
            not from there (403); or no snapshot has come yet, so that nobody can be known (503).
    """
    if not directory.is_known:
        message = (
            "This gateway has just started and has not heard from the control plane yet. "
            "Try again in a moment; if it lasts, see whether the control plane runs."
        )
        raise Refusal(503, "gateway_starting", message, retry_after_seconds=1)
    authorization = headers.get(b"authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() != b"bearer":
            raise _unauthorized("Send the key as “Authorization: Bearer vm-…”.")
        return _by_key(directory, token.strip(), address)
    if takes_x_api_key and (token := headers.get(b"x-api-key")) is not None:
        return _by_key(directory, token.strip(), address)
    cookie = _session_cookie(headers.get(b"cookie", b""))
    if cookie is not None:
        csrf = None if is_safe else headers.get(b"x-csrf-token", b"")
        return _by_session(directory, cookie, csrf, uses_models)
    raise _unauthorized("This API needs a key. Send it as “Authorization: Bearer vm-…”.")


def _by_key(directory: Directory, token: bytes, address: Callable[[], str]) -> Asker:
    key = directory.key(token)
    if key is None:
        raise _unauthorized("This key is not known here: it is wrong, or was revoked.")
    if key.expires_at is not None and key.expires_at <= time.time():
        raise _unauthorized("This key has expired. Ask an administrator for another.")
    if key.addresses is not None and not is_within(address(), _networks(tuple(key.addresses))):
        allowed = ", ".join(key.addresses)
        message = f"This key may only be used from {allowed}; you come from {address()}."
        raise Refusal(403, "address_not_allowed", message)
    priority = PRIORITIES.get(key.priority, NORMAL)
    is_service = key.kind == "service"
    return Asker(
        key.user, key.id, key.models, key.team, key.name, priority, is_service, key.account
    )


@lru_cache(maxsize=1024)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return networks(texts)


def _by_session(
    directory: Directory, cookie: bytes, csrf: bytes | None, uses_models: bool
) -> Asker:
    session = directory.session(cookie)
    if session is None or (session.expires_at is not None and session.expires_at <= time.time()):
        raise _unauthorized("The session has ended. Log in again.")
    if csrf is not None:
        sent = hashlib.sha256(csrf).hexdigest()
        if not hmac.compare_digest(sent, session.csrf):
            raise _unauthorized("The header X-CSRF-Token of this session is missing or wrong.")
    if uses_models and session.role == "viewer":
        message = "Viewers use no models. Ask an administrator for the role of a member."
        raise Refusal(403, "forbidden", message)
    return Asker(session.user, None, None, session.team)


def _session_cookie(cookies: bytes) -> bytes | None:
    for part in cookies.split(b";"):
        name, _, value = part.strip().partition(b"=")
        if name == COOKIE_NAME:
            return value
    return None


def _unauthorized(message: str) -> Refusal:
    return Refusal(401, "invalid_api_key", message)
