"""Access: who may come in, with what credential, and for how long."""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import cast

from vllm_manager.auth import store
from vllm_manager.auth.passwords import Passwords
from vllm_manager.auth.schemas import KeyFact, Opened, Principal, Role, SessionFact
from vllm_manager.auth.tables import Key, LoginSession, User
from vllm_manager.auth.throttle import Throttle
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.secrets import fingerprint, new_token

IDLE_LIFE = timedelta(days=7)
WHOLE_LIFE = timedelta(days=30)
# A login is extended at most this often: each extension is a write and a new gateway snapshot.
_EXTEND_EVERY = timedelta(hours=1)


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
        self._passwords = Passwords()
        self._throttle = Throttle(clock)

    async def log_in(self, username: str, password: str, address: str) -> Opened:
        """Open a session.

        Raises:
            Problem: `wrong_credentials` (401), the same for known and unknown names;
                `too_many_attempts` (429) after ten wrong passwords in five minutes.
        """
        subjects = (f"user:{username}", f"address:{address}")
        self._refuse_if_throttled(subjects)
        self._throttle.reserve(*subjects)
        async with self._database.read() as session:
            user = await store.user_by_name(session, username)
        enabled = user is not None and user.disabled_at is None
        if not await self._passwords.verify(user.password_hash if user else None, password):
            raise _wrong_credentials()
        if user is None or not enabled:
            raise _wrong_credentials()
        self._throttle.forget(*subjects)
        return await self._open(user)

    async def log_out(self, principal: Principal) -> None:
        """End the session, everywhere. A key is left as it is."""
        if principal.session_id is None:
            return
        async with self._database.unit_of_work() as session:
            await store.end(session, principal.session_id)
        self._changed()

    async def by_session(self, token: str) -> Principal | None:
        """Return who the cookie's value stands for, extending the login; None if nobody."""
        now = self._clock.now()
        async with self._database.read() as session:
            found = await store.live_session(session, fingerprint(token), now)
            team_id = await store.team_of(session, found[1].id) if found else None
        if found is None:
            return None
        row, user = found
        expires_at = await self._extended(row, now)
        return _of_session(user, row, team_id, expires_at)

    async def by_key(self, token: str) -> Principal | None:
        """Return who the API key stands for; None if nobody."""
        async with self._database.read() as session:
            found = await store.live_key(session, fingerprint(token), self._clock.now())
        return None if found is None else _of_key(found[1], found[0])

    async def still_valid(self, principal: Principal) -> bool:
        """Return whether the login or key that `principal` came with is still in force."""
        now = self._clock.now()
        async with self._database.read() as session:
            if principal.session_id is not None:
                return await store.is_session_live(session, principal.session_id, now)
            return await store.is_key_live(session, principal.key_id or "", now)

    async def keys_in_force(self) -> Sequence[KeyFact]:
        """Return every key that opens the gateway now."""
        async with self._database.read() as session:
            rows = await store.keys_in_force(session, self._clock.now())
        return [
            KeyFact(
                fingerprint=row.fingerprint,
                id=row.id,
                user_id=row.user_id,
                name=row.name,
                team_id=row.team_id,
                models=[] if role == "viewer" else row.models,
                addresses=row.addresses,
                expires_at=row.expires_at.timestamp() if row.expires_at else None,
            )
            for row, role in rows
        ]

    async def sessions_in_force(self) -> Sequence[SessionFact]:
        """Return every login that opens the gateway now."""
        async with self._database.read() as session:
            rows = await store.sessions_in_force(session, self._clock.now())
            teams = await store.teams_of_all(session)
        return [
            SessionFact(
                fingerprint=row.fingerprint,
                id=row.id,
                user_id=row.user_id,
                team_id=teams.get(row.user_id),
                role=cast("Role", role),
                csrf_fingerprint=row.csrf_fingerprint,
                expires_at=row.expires_at.timestamp(),
            )
            for row, role in rows
        ]

    async def prune(self) -> None:
        """Delete the logins that have expired."""
        async with self._database.unit_of_work() as session:
            await store.prune(session, self._clock.now())

    def _refuse_if_throttled(self, subjects: tuple[str, ...]) -> None:
        wait_seconds = self._throttle.wait_seconds(*subjects)
        if wait_seconds > 0:
            raise Problem(
                "too_many_attempts",
                "Too many wrong passwords for this name or from this address. "
                f"Wait {wait_seconds:.0f} seconds, then try again.",
                status=429,
                retryable=True,
                retry_after_seconds=wait_seconds,
            )

    async def _open(self, user: User) -> Opened:
        now = self._clock.now()
        token = new_token()
        csrf_token = csrf_token_of(token)
        row = LoginSession(
            id=new_id("ses"),
            user_id=user.id,
            fingerprint=fingerprint(token),
            csrf_fingerprint=fingerprint(csrf_token),
            created_at=now,
            extended_at=now,
            last_seen_at=now,
            expires_at=now + IDLE_LIFE,
        )
        async with self._database.unit_of_work() as session:
            session.add(row)
            team_id = await store.team_of(session, user.id)
        self._changed()
        return Opened(token, csrf_token, _of_session(user, row, team_id, row.expires_at))

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
    )


def _wrong_credentials() -> Problem:
    return Problem(
        "wrong_credentials",
        "The name or the password is wrong. The first administrator's are in "
        "secrets/admin.json in the server's home folder.",
        status=401,
    )
