"""Single sign-on: sends people to the provider, and lets in whom it vouches for."""

import asyncio
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vllm_manager.auth.oidc.config import OidcConfig
from vllm_manager.auth.oidc.pending import LIFE, Pending, safe_path, seal, unseal
from vllm_manager.auth.oidc.people import email_of, names_of, role_of
from vllm_manager.auth.oidc.provider import CodeRefused, Provider, ProviderFailed
from vllm_manager.auth.oidc.schemas import OidcReturn, OidcView
from vllm_manager.auth.oidc.tokens import TokenRefused
from vllm_manager.auth.schemas import Caller, Opened
from vllm_manager.auth.service import Access
from vllm_manager.auth.throttle import Throttle, subject_of_sign_on
from vllm_manager.auth.users import UserDetails, Users
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.secrets import fingerprint, new_token
from vllm_manager.kit.vault import Vault

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and what it keeps meanwhile."""

    url: str
    sealed: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The login, and the page that the person was going to."""

    opened: Opened
    return_to: str


class Refused(Problem):
    """A refusal that knows whom it is about, for the audit log."""

    def __init__(self, user: UserDetails | None) -> None:
        super().__init__(
            "oidc_refused",
            "Single sign-on does not let you in here: the login was cancelled, or your account has "
            "no access. Try once more; if it stays, ask an administrator, who finds the reason in "
            "the control plane's log.",
            status=403,
        )
        self.user = user


class SingleSignOn:
    """Logins at the configured provider, or none without a configuration."""

    def __init__(
        self,
        config: OidcConfig | None,
        vault: Vault,
        clock: Clock,
        access: Access,
        users: Users,
        attempts: Throttle,
    ) -> None:
        self._config = config
        self._vault = vault
        self._clock = clock
        self._access = access
        self._users = users
        self._attempts = attempts
        self._provider = None if config is None else Provider(config, clock)
        self._done: dict[str, float] = {}
        """Fingerprints of the states that came back, and when they are too old anyway."""

    def view(self) -> OidcView:
        """Return what the login page shows."""
        return OidcView(enabled=self._config is not None, name=self._config and self._config.name)

    async def start(self, redirect_uri: str, return_to: str | None) -> Begun:
        """Return where to log in.

        Raises:
            Problem: `oidc_off` (404), `oidc_unavailable` (503).
        """
        _, provider = self._configured()
        pending = Pending(
            state=new_token(),
            nonce=new_token(),
            verifier=new_token(),
            redirect_uri=redirect_uri,
            return_to=safe_path(return_to),
            begun_at=self._clock.now().timestamp(),
        )
        try:
            url = await provider.address(
                redirect_uri, pending.state, pending.nonce, pending.verifier
            )
        except ProviderFailed as error:
            raise _unavailable(error) from error
        return Begun(url, await asyncio.to_thread(seal, self._vault, pending))

    async def finish(self, sealed: str | None, returned: OidcReturn, caller: Caller) -> Finished:
        """Let the person in who comes back from the provider.

        Raises:
            Problem: `oidc_off` (404), `oidc_stale` (409), `oidc_refused` (403),
                `oidc_unavailable` (503), `too_many_attempts` (429).
        """
        config, provider = self._configured()
        pending = await self._taken(sealed, returned.state)
        reserved = await self._attempts.reserve([subject_of_sign_on(caller.address)])
        try:
            code = _code(returned, config.issuer)
            claims = await provider.claims(
                code, pending.redirect_uri, pending.nonce, pending.verifier
            )
        except ProviderFailed as error:
            await self._attempts.take_back(reserved)
            raise _unavailable(error) from error
        except (CodeRefused, TokenRefused) as error:
            log.warning("A login by single sign-on was refused: %s", error)
            raise Refused(None) from error
        user = await self._person(config, claims)
        await self._attempts.take_back(reserved)
        return Finished(await self._access.open(user.id, caller), pending.return_to)

    async def close(self) -> None:
        if self._provider is not None:
            await self._provider.close()

    async def _taken(self, sealed: str | None, state: str) -> Pending:
        """Return the login that this browser began, which can't be finished a second time."""
        now = self._clock.now()
        pending = await asyncio.to_thread(unseal, self._vault, sealed, now) if sealed else None
        is_ours = pending is not None and hmac.compare_digest(
            pending.state.encode(), state.encode()
        )
        mark = fingerprint(state)
        if pending is None or not is_ours or mark in self._done:
            raise _stale()
        at = now.timestamp()
        self._done = {known: until for known, until in self._done.items() if until > at}
        self._done[mark] = at + 2 * LIFE.total_seconds()
        return pending

    async def _person(self, config: OidcConfig, claims: Mapping[str, Any]) -> UserDetails:
        """Return whom the claims are about, who may come in with the role of their groups."""
        subject = f"{config.issuer} {claims['sub']}"
        role = role_of(claims, config.groups_claim, config.roles, config.default_role)
        if role is None:
            user = await self._users.known(subject)
            if user is not None:
                await self._access.end_sessions(user.id)
            log.warning(
                "%s was refused: none of their groups (claim %r) has a role here, and "
                "VLLM_MANAGER_OIDC_DEFAULT_ROLE is not set",
                user.username if user else repr(subject),
                config.groups_claim,
            )
            raise Refused(user)
        user = await self._users.vouched(subject, role, email_of(claims), names_of(claims))
        if user.disabled_at is not None:
            log.warning("%s was refused: the user is disabled here", user.username)
            raise Refused(user)
        return user

    def _configured(self) -> tuple[OidcConfig, Provider]:
        if self._config is None or self._provider is None:
            raise Problem(
                "oidc_off",
                "There is no single sign-on here. Log in with a name and a password; an "
                "administrator turns it on with VLLM_MANAGER_OIDC_ISSUER.",
                status=404,
            )
        return self._config, self._provider


def _code(returned: OidcReturn, issuer: str) -> str:
    """Return the code, where the provider gave one."""
    if returned.iss is not None and returned.iss != issuer:
        raise CodeRefused(f"It comes from another provider: {returned.iss!r}")
    if returned.code is None:
        raise CodeRefused(
            f"The provider sent no code but {returned.error!r} {returned.error_description!r}"
        )
    return returned.code


def _stale() -> Problem:
    return Problem(
        "oidc_stale",
        "This login was begun in another browser, took longer than ten minutes, or was finished "
        "already. Begin again from the login page.",
        status=409,
    )


def _unavailable(error: ProviderFailed) -> Problem:
    log.warning("Single sign-on does not work: %s", error)
    return Problem(
        "oidc_unavailable",
        "The single sign-on provider does not answer as it should, so nobody can log in with it "
        "now. Try again in a minute, or log in with a password; the control plane's log says "
        "what is wrong.",
        status=503,
        retryable=True,
        retry_after_seconds=30,
    )
