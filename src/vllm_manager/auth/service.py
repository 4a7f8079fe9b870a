"""Access: who may come in, with what credential, and for how long."""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import cast

from vllm_manager.auth import store
from vllm_manager.auth.passwords import Passwords, require_good
from vllm_manager.auth.schemas import (
    Caller,
    Opened,
    Principal,
    Role,
    SessionInfo,
    TeamRef,
)
from vllm_manager.auth.tables import Key, LoginSession, User
from vllm_manager.auth.throttle import Throttle, subjects_of
from vllm_manager.db import Database
from vllm_manager.kit.addresses import is_within, networks
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.secrets import fingerprint, new_token

IDLE_LIFE = timedelta(days=7)
WHOLE_LIFE = timedelta(days=30)
# A login is extended at most this often: each extension is a write and a new gateway snapshot.
_EXTEND_EVERY = timedelta(hours=1)
_SEE_EVERY = timedelta(minutes=5)
_KEPT = timedelta(days=1)
_MAX_ADDRESS, _MAX_AGENT = 64, 256


def csrf_token_of(session_token: str) -> str:
    """Return the CSRF token of a login: derived, so that it need not be stored to be repeated."""
    return hmac.new(session_token.encode(), b"csrf", hashlib.sha256).hexdigest()


class Access:
    """Logs people in and out and recognises their credentials.

    `changed` is called after any change of the credentials in force.
    """

    def __init__(
        self, database: Database, clock: Clock, changed: Callable[[], None] = lambda: None
    ) -> None:
        self._database = database
        self._clock = clock
        self._changed = changed
        self._throttle = Throttle(database, clock)
        self.passwords = Passwords()

    def credentials_changed(self) -> None:
        """Say that another room's work changed who may come in: the gateway must hear of it."""
        self._changed()

    async def log_in(self, username: str, password: str, caller: Caller) -> Opened:
        """Open a session.

        Raises:
            Problem: `wrong_credentials` (401), the same for known and unknown names;
                `too_many_attempts` (429) after ten wrong passwords in five minutes.
        """
        user = await self._proven(username.strip().lower(), password, caller)
        if user is None:
            raise _wrong_credentials()
        return await self.open(user.id, caller)

    async def open(self, user_id: str, caller: Caller) -> Opened:
        """Open a session for someone who has proven who they are.

        Raises:
            Problem: `wrong_credentials`, where the user was disabled meanwhile.
        """
        now = self._clock.now()
        token = new_token()
        csrf_token = csrf_token_of(token)
        row = LoginSession(
            id=new_id("ses"),
            user_id=user_id,
            fingerprint=fingerprint(token),
            csrf_fingerprint=fingerprint(csrf_token),
            address=caller.address[:_MAX_ADDRESS],
            user_agent=caller.agent[:_MAX_AGENT],
            created_at=now,
            extended_at=now,
            last_seen_at=now,
            expires_at=now + IDLE_LIFE,
        )
        async with self._database.unit_of_work() as session:
            user = await session.get(User, user_id)
            if user is None or user.disabled_at is not None:
                raise _wrong_credentials()
            user.last_login_at = now
            session.add(row)
            if caller.session_token is not None:
                await store.end_by_fingerprint(session, fingerprint(caller.session_token))
            team_id = await store.team_of(session, user.id)
        self._changed()
        return Opened(token, csrf_token, _of_session(user, row, team_id, row.expires_at))

    async def log_out(self, principal: Principal) -> None:
        """End the session, everywhere. A key is left as it is."""
        if principal.session_id is None:
            return
        async with self._database.unit_of_work() as session:
            await store.end(session, principal.session_id)
        self._changed()

    async def by_session(self, token: str, caller: Caller | None = None) -> Principal | None:
        """Return who the cookie's value stands for, extending the login; None if nobody."""
        now = self._clock.now()
        async with self._database.read() as session:
            found = await store.live_session(session, fingerprint(token), now)
            team_id = await store.team_of(session, found[1].id) if found else None
        if found is None:
            return None
        row, user = found
        if caller is not None and now - row.last_seen_at >= _SEE_EVERY:
            async with self._database.unit_of_work() as session:
                address, agent = caller.address[:_MAX_ADDRESS], caller.agent[:_MAX_AGENT]
                await store.see(session, row.id, now, address, agent)
        expires_at = await self._extended(row, now)
        return _of_session(user, row, team_id, expires_at)

    async def by_key(self, token: str, caller: Caller | None = None) -> Principal | None:
        """Return who the API key stands for; None if nobody.

        Raises:
            Problem: `address_not_allowed` (403), where the key may not come from there.
        """
        async with self._database.read() as session:
            found = await store.live_key(session, fingerprint(token), self._clock.now())
        if found is None:
            return None
        key, user = found
        if caller is not None and key.addresses is not None:
            _require_within(caller.address, key.addresses)
        return _of_key(user, key)

    async def still_valid(self, principal: Principal) -> bool:
        """Return whether the login or key of `principal` is in force, with the role it had."""
        now = self._clock.now()
        async with self._database.read() as session:
            if principal.session_id is not None:
                role = await store.role_of_session(session, principal.session_id, now)
            else:
                role = await store.role_of_key(session, principal.key_id or "", now)
        return role == principal.role

    async def sessions_of(self, user_id: str, current: str | None = None) -> list[SessionInfo]:
        """Return a user's logins, the last seen first; `current` is the one that asks."""
        async with self._database.read() as session:
            rows = await store.sessions_of(session, user_id, self._clock.now())
        return [
            SessionInfo(
                id=row.id,
                address=row.address,
                user_agent=row.user_agent,
                created_at=row.created_at,
                last_seen_at=row.last_seen_at,
                expires_at=row.expires_at,
                is_current=row.id == current,
            )
            for row in rows
        ]

    async def end_session(self, user_id: str, session_id: str) -> None:
        """End one login of this user.

        Raises:
            Problem: `session_not_found` (404), also where it is somebody else's.
        """
        async with self._database.unit_of_work() as session:
            if not await store.end(session, session_id, user_id):
                raise Problem(
                    "session_not_found",
                    "There is no such login session. It may have ended; list them again.",
                    status=404,
                )
        self._changed()

    async def end_sessions(self, user_id: str) -> int:
        """End all logins of this user; return how many there were."""
        async with self._database.unit_of_work() as session:
            ended = await store.end_all(session, user_id)
        self._changed()
        return ended

    async def change_password(
        self, principal: Principal, current: str, new: str, caller: Caller
    ) -> None:
        """Replace one's own password; every other login of the user ends.

        Raises:
            Problem: `no_password` (409), `wrong_password` (403), `too_many_attempts` (429),
                `invalid_request` (422).
        """
        await self._require_password(principal)
        require_good(new, principal.username, "new_password")
        user = await self._proven(principal.username, current, caller)
        if user is None:
            raise Problem(
                "wrong_password",
                "The present password is wrong, so it was not changed. Type it again, or ask an "
                "administrator for a link to set a new one.",
                status=403,
            )
        password_hash = await self.passwords.hash(new)
        async with self._database.unit_of_work() as session:
            row = await session.get_one(User, user.id)
            row.password_hash, row.password_changed_at = password_hash, self._clock.now()
            await store.drop_links(session, user.id)
            await store.end_all(session, user.id, but=principal.session_id)
        self._changed()

    async def _require_password(self, principal: Principal) -> None:
        async with self._database.read() as session:
            user = await session.get_one(User, principal.user_id)
        if user.password_hash is None:
            raise Problem(
                "no_password",
                f"{user.username} has no password here that could be changed: people who come by "
                "single sign-on change theirs at the provider, and service accounts have keys.",
                status=409,
            )

    async def teams_of(self, user_id: str) -> list[TeamRef]:
        """Return the teams that the user is in, the longest membership first."""
        async with self._database.read() as session:
            return list((await store.teams_of(session, [user_id])).get(user_id, []))

    async def prune(self) -> None:
        """Delete the logins, links and failed logins that have expired."""
        async with self._database.unit_of_work() as session:
            await store.prune(session, self._clock.now(), _KEPT)

    async def _proven(self, username: str, password: str, caller: Caller) -> User | None:
        """Return the enabled user whose password this is, with equal work for every answer."""
        reserved = await self._throttle.reserve(subjects_of(username, caller.address))
        async with self._database.read() as session:
            user = await store.user_by_name(session, username)
        is_right = await self.passwords.verify(user.password_hash if user else None, password)
        if user is None or not is_right or user.disabled_at is not None:
            return None
        await self._throttle.take_back(reserved)
        return user

    async def _extended(self, row: LoginSession, now: datetime) -> datetime:
        """Return the end of the login, moved on if that is due."""
        if now - row.extended_at < _EXTEND_EVERY:
            return row.expires_at
        until = min(now + IDLE_LIFE, row.created_at + WHOLE_LIFE)
        async with self._database.unit_of_work() as session:
            await store.extend(session, row.id, now, until)
        self._changed()
        return until


def _of_session(
    user: User, row: LoginSession, team_id: str | None, expires_at: datetime
) -> Principal:
    return Principal(
        user_id=user.id,
        username=user.username,
        role=cast("Role", user.role),
        team_id=team_id,
        session_id=row.id,
        key_id=None,
        csrf_fingerprint=row.csrf_fingerprint,
        expires_at=expires_at,
    )


def _of_key(user: User, key: Key) -> Principal:
    return Principal(
        user_id=user.id,
        username=user.username,
        role=cast("Role", user.role),
        team_id=key.team_id,
        session_id=None,
        key_id=key.id,
        csrf_fingerprint=None,
        expires_at=key.expires_at,
        manages=key.manages,
    )


def _require_within(address: str, allowed: Sequence[str]) -> None:
    if not is_within(address, networks(allowed)):
        raise Problem(
            "address_not_allowed",
            f"This key may not be used from {address}: it is limited to {', '.join(allowed)}. Use "
            "it from there, or make a key that allows this address.",
            status=403,
        )


def _wrong_credentials() -> Problem:
    return Problem(
        "wrong_credentials",
        "The name or the password is wrong. An administrator can send you a link to set a new "
        "password. The first administrator's are in secrets/admin.json in the server's home "
        "folder.",
        status=401,
    )
