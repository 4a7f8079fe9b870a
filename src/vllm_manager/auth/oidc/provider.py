"""The provider over HTTP: where its doors are, its keys, and what a code is worth there.

OpenID Connect Discovery 1.0, and the authorization code flow with PKCE (RFC 7636). Everything is
bounded in time and size: a provider that is slow, down or broken costs a login at it, nothing else.
"""

import asyncio
import base64
import hashlib
import json
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, cast
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx

from vllm_manager.auth.oidc.config import OidcConfig
from vllm_manager.auth.oidc.tokens import Expected, KeyUnknown, TokenRefused, read
from vllm_manager.kit.addresses import is_confidential
from vllm_manager.kit.clock import Clock

_ALL_SECONDS: Final = 10.0
"""The longest that one side of a login may take, everything that is asked included."""
_TIMEOUT: Final = httpx.Timeout(8.0, connect=4.0)
_NONE_KEPT: Final = httpx.Limits(max_connections=20, max_keepalive_connections=0)
"""Logins are rare, and a connection that the provider has just closed would fail one."""
_LARGEST_BYTES: Final = 1 << 20
_KEPT_SECONDS: Final = 3600.0
_KEYS_AT_MOST_EVERY_SECONDS: Final = 60.0
_WELL_KNOWN: Final = "/.well-known/openid-configuration"


class ProviderFailed(Exception):
    """The provider does not answer, or not as the protocol says; the message is for the log."""


class CodeRefused(Exception):
    """The provider gives nothing for this code; the message is for the log."""


class Provider:
    """What the provider publishes is kept for an hour, and its keys are read again when others
    are used, once a minute at most."""

    def __init__(self, config: OidcConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._client: httpx.AsyncClient | None = None
        self._reading = asyncio.Lock()
        self._metadata: Mapping[str, Any] = {}
        self._keys: Mapping[str, Any] = {}
        self._metadata_at = self._keys_at = float("-inf")

    async def address(self, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Return where a person goes to log in.

        Raises:
            ProviderFailed: it does not say where that is.
        """
        async with _bounded():
            metadata = await self._described()
        challenge = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._config.client_id,
            "redirect_uri": redirect_uri,
            "scope": self._config.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        door = _place(metadata, "authorization_endpoint", self._config.issuer)
        return f"{door}{'&' if urlsplit(door).query else '?'}{urlencode(asked)}"

    async def claims(
        self, code: str, redirect_uri: str, nonce: str, verifier: str
    ) -> Mapping[str, Any]:
        """Return what the provider says of whoever came back with `code`.

        Raises:
            CodeRefused: the code was used, is too old, or belongs to somebody else.
            TokenRefused: what it gave proves nothing.
            ProviderFailed: it did not answer.
        """
        async with _bounded():
            metadata = await self._described()
            given = await self._redeem(metadata, code, redirect_uri, verifier)
            token, access = given.get("id_token"), given.get("access_token")
            if not isinstance(token, str):
                raise ProviderFailed("It gave no ID token. Is `openid` among the scopes?")
            claims = await self._checked(metadata, token, nonce)
            return await self._completed(metadata, claims, access)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _described(self) -> Mapping[str, Any]:
        """Return the provider's own description, which must be that of the configured issuer."""
        async with self._reading:
            if self._clock.monotonic() - self._metadata_at < _KEPT_SECONDS:
                return self._metadata
            issuer = self._config.issuer
            found = await self._ask("GET", issuer.rstrip("/") + _WELL_KNOWN)
            if found.get("issuer") != issuer:
                raise ProviderFailed(
                    f"It calls itself {found.get('issuer')!r}; VLLM_MANAGER_OIDC_ISSUER says "
                    f"{issuer!r}. They must be the same, to the letter"
                )
            self._metadata, self._metadata_at = found, self._clock.monotonic()
            self._keys_at = float("-inf")
            return found

    async def _redeem(
        self, metadata: Mapping[str, Any], code: str, redirect_uri: str, verifier: str
    ) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            "client_id": self._config.client_id,
        }
        headers: dict[str, str] = {}
        secret = self._config.client_secret
        if secret is not None:
            methods = metadata.get("token_endpoint_auth_methods_supported")
            if isinstance(methods, list) and "client_secret_basic" not in methods:
                form["client_secret"] = secret
            else:
                headers["authorization"] = _basic(self._config.client_id, secret)
        door = _place(metadata, "token_endpoint", self._config.issuer)
        return await self._ask("POST", door, headers, form)

    async def _checked(
        self, metadata: Mapping[str, Any], token: str, nonce: str
    ) -> Mapping[str, Any]:
        config = self._config
        expected = Expected(config.issuer, config.client_id, nonce, self._clock.now().timestamp())
        keys, are_new = await self._known_keys(metadata)
        try:
            return await asyncio.to_thread(read, token, keys, expected)
        except KeyUnknown:
            if are_new:
                raise
        keys, _ = await self._known_keys(metadata, _KEYS_AT_MOST_EVERY_SECONDS)
        return await asyncio.to_thread(read, token, keys, expected)

    async def _known_keys(
        self, metadata: Mapping[str, Any], kept_seconds: float = _KEPT_SECONDS
    ) -> tuple[Mapping[str, Any], bool]:
        """Return the provider's keys, and whether they were read just now."""
        async with self._reading:
            if self._clock.monotonic() - self._keys_at < kept_seconds:
                return self._keys, False
            found = await self._ask("GET", _place(metadata, "jwks_uri", self._config.issuer))
            if not isinstance(found.get("keys"), list):
                raise ProviderFailed("What it publishes as its keys are none")
            self._keys, self._keys_at = found, self._clock.monotonic()
            return found, True

    async def _completed(
        self, metadata: Mapping[str, Any], claims: Mapping[str, Any], access: object
    ) -> Mapping[str, Any]:
        """Add what the provider says at its userinfo endpoint alone, as some do with groups."""
        groups = self._config.groups_claim.split(".")[0]
        is_whole = not {"email", "preferred_username", groups} - claims.keys()
        if is_whole or "userinfo_endpoint" not in metadata or not isinstance(access, str):
            return claims
        door = _place(metadata, "userinfo_endpoint", self._config.issuer)
        more = await self._ask("GET", door, {"authorization": f"Bearer {access}"})
        if more.get("sub") != claims["sub"]:
            raise TokenRefused("Its userinfo endpoint speaks of another person than the ID token")
        return {**more, **claims}

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Return the JSON object that it answers with."""
        client = await self._opened()
        try:
            async with client.stream(method, url, headers=headers, data=form) as response:
                body = await _body(response, url)
                if response.status_code == 200:
                    return _object(body, url)
                raise _refused(f"{url} answered {response.status_code}", body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderFailed(f"{url}: {type(error).__name__} {error}") from error

    async def _opened(self) -> httpx.AsyncClient:
        """Make the client on first use: reading the machine's certificates takes a while."""
        if self._client is None:
            trust = await asyncio.to_thread(ssl.create_default_context)
            self._client = self._client or httpx.AsyncClient(
                timeout=_TIMEOUT,
                limits=_NONE_KEPT,
                verify=trust,
                trust_env=False,
                follow_redirects=False,
                headers={"user-agent": "vllm-manager", "accept": "application/json"},
            )
        return self._client


@asynccontextmanager
async def _bounded() -> AsyncGenerator[None]:
    """Give up after `_ALL_SECONDS`, waiting for others' turns included."""
    try:
        async with asyncio.timeout(_ALL_SECONDS):
            yield
    except TimeoutError as error:
        raise ProviderFailed(f"It did not answer within {_ALL_SECONDS:.0f} s") from error


def _place(metadata: Mapping[str, Any], name: str, issuer: str) -> str:
    url = metadata.get(name)
    if not isinstance(url, str) or not is_confidential(url):
        raise ProviderFailed(f"{issuer} names no {name} that is reached over HTTPS: {url!r}")
    return url


def _basic(client_id: str, secret: str) -> str:
    """Return the header of RFC 6749, section 2.3.1: both parts are form-encoded first."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


async def _body(response: httpx.Response, url: str) -> bytes:
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > _LARGEST_BYTES:
            raise ProviderFailed(f"{url} answered more than {_LARGEST_BYTES} bytes")
    return body


def _object(body: bytes, url: str) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProviderFailed(f"{url} answered something that is no JSON") from error
    if not isinstance(found, dict):
        raise ProviderFailed(f"{url} answered no JSON object")
    return cast("dict[str, Any]", found)


def _refused(what: str, body: bytes) -> Exception:
    """Return what a refusal means: that of a code is told by RFC 6749, section 5.2, the others are
    about this installation. What was sent is never repeated."""
    try:
        found = _object(body, "")
    except ProviderFailed:
        return ProviderFailed(what)
    reason = " ".join(str(found.get(name, ""))[:200] for name in ("error", "error_description"))
    kind = CodeRefused if found.get("error") == "invalid_grant" else ProviderFailed
    return kind(f"{what}: {reason}")
