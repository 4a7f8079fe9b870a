"""Users: made and invited, given roles, disabled, and helped back in."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth import links
from vllm_manager.auth import store as credentials
from vllm_manager.auth.passwords import require_good
from vllm_manager.auth.schemas import Kind, LinkKind, Principal, Role, SessionInfo, TeamRef
from vllm_manager.auth.service import Access
from vllm_manager.auth.tables import TeamMember, User
from vllm_manager.auth.users import store
from vllm_manager.auth.users.schemas import (
    Invitation,
    InvitationCreate,
    LinkIssued,
    UserChange,
    UserCreate,
    UserDetails,
    UserStatus,
)
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import FieldError, Problem, invalid
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.paging import Page, cut, decode_cursor
from vllm_manager.kit.topics import Hub

TOPIC = "users"


class Users:
    """Everyone who may come in. Every change is told under the topic `users`."""

    def __init__(self, database: Database, clock: Clock, access: Access, hub: Hub) -> None:
        self._database = database
        self._clock = clock
        self._access = access
        self._hub = hub

    async def list(
        self, limit: int, cursor: str | None = None, text: str | None = None
    ) -> Page[UserDetails]:
        """Return users by name, those with `text` in name or e-mail where it is given."""
        async with self._database.read() as session:
            rows = await store.page(session, limit + 1, decode_cursor(cursor), text)
            kept, next_cursor = cut(rows, limit, [row.username for row in rows])
            return Page(items=await _details(session, kept), next_cursor=next_cursor)

    async def get(self, user_id: str) -> UserDetails:
        """Return one user.

        Raises:
            Problem: `user_not_found` (404).
        """
        async with self._database.read() as session:
            return await _detail(session, await _existing(session, user_id))

    async def create(self, asked: UserCreate) -> UserDetails:
        """Make a person with a password, or a service account without.

        Raises:
            Problem: `name_taken` (409), `team_not_found` (404), `invalid_request` (422).
        """
        password = asked.password.get_secret_value() if asked.password else None
        _require_fitting(asked.kind, password)
        if password is not None:
            require_good(password, asked.username)
        password_hash = await self._access.passwords.hash(password) if password else None
        now = self._clock.now()
        async with self._database.unit_of_work() as session:
            user = await _add(session, asked.username, asked.role, asked.email, now)
            user.kind, user.password_hash = asked.kind, password_hash
            user.password_changed_at = now if password_hash else None
            await _join(session, user.id, asked.team_ids, now)
            details = await _detail(session, user)
        return self._told(details)

    async def vouched(
        self, subject: str, role: Role, email: str | None, names: Iterator[str]
    ) -> UserDetails:
        """Return the person whom a provider of logins knows as `subject`, made where they are new.

        Their role becomes `role`. A new person gets the first of `names` that nobody has: an equal
        name or e-mail address makes nobody somebody else.
        """
        async with self._database.unit_of_work() as session:
            user = await store.by_external_subject(session, subject)
            if user is None:
                name = await store.free_name(session, names)
                user = await _add(session, name, role, email, self._clock.now())
                user.external_subject = subject
            elif (user.role, user.email) == (role, email or user.email):
                return await _detail(session, user)
            user.role, user.email = role, email or user.email
            details = await _detail(session, user)
        self._access.credentials_changed()
        return self._told(details)

    async def known(self, subject: str) -> UserDetails | None:
        """Return the person whom a provider of logins knows as `subject`, if they came before."""
        async with self._database.read() as session:
            user = await store.by_external_subject(session, subject)
            return None if user is None else await _detail(session, user)

    async def invite(self, asked: InvitationCreate, by: Principal) -> LinkIssued:
        """Make a user who can't log in yet, and the link with which they set a password.

        Raises:
            Problem: `name_taken` (409), `team_not_found` (404).
        """
        now = self._clock.now()
        async with self._database.unit_of_work() as session:
            user = await _add(session, asked.username, asked.role, asked.email, now)
            await _join(session, user.id, asked.team_ids, now)
            issued = await _issue(session, "invitation", user, by, now)
        self._told(issued.user)
        return issued

    async def reset(self, user_id: str, by: Principal) -> LinkIssued:
        """Make the link with which a user sets a new password; the present one works until then.

        Someone who never accepted their invitation gets a new invitation.

        Raises:
            Problem: `user_not_found` (404); `no_password` (409) for a service account;
                `user_disabled` (409).
        """
        async with self._database.unit_of_work() as session:
            user = await _existing(session, user_id)
            if user.kind == "service":
                raise Problem(
                    "no_password",
                    f"{user.username} is a service account: it has no password. Make a key for it.",
                    status=409,
                )
            if user.disabled_at is not None:
                raise Problem(
                    "user_disabled",
                    f"{user.username} is disabled, so that a new password would open nothing. "
                    "Enable the user first.",
                    status=409,
                )
            kind: LinkKind = "invitation" if _status(user) == "invited" else "reset"
            return await _issue(session, kind, user, by, self._clock.now())

    async def invitations(self) -> Sequence[Invitation]:
        """Return the invitations that are open, oldest first."""
        async with self._database.read() as session:
            rows = await credentials.open_links(session, "invitation", self._clock.now())
        return [
            Invitation(
                id=link.id,
                user_id=user.id,
                username=user.username,
                role=cast("Role", user.role),
                created_by=link.created_by,
                created_at=link.created_at,
                expires_at=link.expires_at,
            )
            for link, user in rows
        ]

    async def withdraw(self, invitation_id: str) -> None:
        """Take an invitation back; a user who never came is forgotten with it.

        Raises:
            Problem: `invitation_not_found` (404).
        """
        async with self._database.unit_of_work() as session:
            found = await store.invitation(session, invitation_id)
            if found is None:
                raise Problem(
                    "invitation_not_found",
                    "There is no such open invitation. It may have been accepted; see the users.",
                    status=404,
                )
            link, user = found
            was_forgotten = _status(user) == "invited" and await store.forget(session, user)
            if not was_forgotten:
                await session.delete(link)
        if was_forgotten:
            self._hub.publish(TOPIC, "user_deleted", {"id": user.id})

    async def change(self, user_id: str, change: UserChange) -> UserDetails:
        """Change role or e-mail; a new role counts from the next request on.

        Raises:
            Problem: `user_not_found` (404), `last_administrator` (409).
        """
        async with self._database.unit_of_work() as session:
            user = await _existing(session, user_id)
            if change.role is not None:
                if change.role != "administrator":
                    await _require_another_administrator(session, user, "given another role")
                user.role = change.role
            if "email" in change.model_fields_set:
                user.email = change.email
            details = await _detail(session, user)
        self._access.credentials_changed()
        return self._told(details)

    async def disable(self, user_id: str) -> UserDetails:
        """Shut a user out at once: logins and links end, keys are refused until enabled again.

        Raises:
            Problem: `user_not_found` (404), `last_administrator` (409).
        """
        async with self._database.unit_of_work() as session:
            user = await _existing(session, user_id)
            await _require_another_administrator(session, user, "disabled")
            user.disabled_at = user.disabled_at or self._clock.now()
            await credentials.end_all(session, user.id)
            await credentials.drop_links(session, user.id)
            details = await _detail(session, user)
        self._access.credentials_changed()
        return self._told(details)

    async def enable(self, user_id: str) -> UserDetails:
        """Let a user in again: with the password they had, and keys that were not revoked.

        Raises:
            Problem: `user_not_found` (404).
        """
        async with self._database.unit_of_work() as session:
            user = await _existing(session, user_id)
            user.disabled_at = None
            details = await _detail(session, user)
        self._access.credentials_changed()
        return self._told(details)

    async def sessions(self, user_id: str, by: Principal) -> Sequence[SessionInfo]:
        """Return a user's logins.

        Raises:
            Problem: `user_not_found` (404).
        """
        await self.get(user_id)
        return await self._access.sessions_of(user_id, by.session_id)

    async def end_sessions(self, user_id: str) -> int:
        """End a user's logins; return how many there were.

        Raises:
            Problem: `user_not_found` (404).
        """
        await self.get(user_id)
        return await self._access.end_sessions(user_id)

    def _told(self, details: UserDetails) -> UserDetails:
        self._hub.publish(TOPIC, "user", details.model_dump(mode="json"))
        return details


async def _existing(session: AsyncSession, user_id: str) -> User:
    user = await store.by_id(session, user_id)
    if user is None:
        raise Problem(
            "user_not_found", "There is no such user. List them to see their ids.", status=404
        )
    return user


async def _require_another_administrator(session: AsyncSession, user: User, what: str) -> None:
    """Keep the installation from having nobody who can administer it."""
    is_one = user.role == "administrator" and user.disabled_at is None
    if is_one and await store.count_administrators(session, but=user.id) == 0:
        raise Problem(
            "last_administrator",
            f"{user.username} is the last administrator who can log in, so can't be {what}: nobody "
            "could manage users any more. Make another person an administrator first.",
            status=409,
        )


async def _add(
    session: AsyncSession, username: str, role: Role, email: str | None, now: datetime
) -> User:
    if await store.id_of(session, username) is not None:
        raise Problem(
            "name_taken",
            f"There is already a user “{username}”. Choose another name.",
            status=409,
        )
    user = User(
        id=new_id("usr"), username=username, role=role, kind="person", email=email, created_at=now
    )
    session.add(user)
    await session.flush()
    return user


async def _join(
    session: AsyncSession, user_id: str, team_ids: Collection[str], now: datetime
) -> None:
    missing = await store.missing_teams(session, team_ids)
    if missing:
        raise Problem("team_not_found", f"There is no team with the id {missing[0]}.", status=404)
    for team_id in dict.fromkeys(team_ids):
        session.add(TeamMember(team_id=team_id, user_id=user_id, since=now))
    await session.flush()


async def _issue(
    session: AsyncSession, kind: LinkKind, user: User, by: Principal, now: datetime
) -> LinkIssued:
    link, token = await links.issue(session, kind, user.id, by.user_id, now)
    return LinkIssued(
        id=link.id,
        kind=kind,
        user=await _detail(session, user),
        token=token,
        expires_at=link.expires_at,
    )


async def _details(session: AsyncSession, users: Sequence[User]) -> list[UserDetails]:
    teams = await credentials.teams_of(session, [user.id for user in users])
    return [_shown(user, teams.get(user.id, [])) for user in users]


async def _detail(session: AsyncSession, user: User) -> UserDetails:
    return (await _details(session, [user]))[0]


def _shown(user: User, teams: list[TeamRef]) -> UserDetails:
    return UserDetails(
        id=user.id,
        username=user.username,
        role=cast("Role", user.role),
        kind=cast("Kind", user.kind),
        status=_status(user),
        email=user.email,
        teams=teams,
        created_at=user.created_at,
        last_login_at=user.last_login_at,
        disabled_at=user.disabled_at,
    )


def _status(user: User) -> UserStatus:
    if user.disabled_at is not None:
        return "disabled"
    has_come = user.password_hash is not None or user.external_subject is not None
    return "active" if has_come or user.kind == "service" else "invited"


def _require_fitting(kind: Kind, password: str | None) -> None:
    if kind == "person" and password is None:
        message = "A person needs one. To let them choose it themselves, make an invitation."
    elif kind == "service" and password is not None:
        message = "A service account has none: it comes in by keys alone. Leave it out."
    else:
        return
    raise invalid([FieldError(field="password", message=message, suggestion=None)])
