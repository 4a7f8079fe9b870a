"""One-time links: an invitation, or a reset, with which a person sets a password of their own."""

from datetime import datetime, timedelta
from typing import Literal, cast

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth import store
from vllm_manager.auth.passwords import require_good
from vllm_manager.auth.schemas import Caller, LinkKind, LinkView, Opened
from vllm_manager.auth.service import Access
from vllm_manager.auth.tables import OneTimeLink, User
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.secrets import fingerprint, new_token

LIFE: dict[Literal["invitation", "reset"], timedelta] = {
    "invitation": timedelta(hours=72),
    "reset": timedelta(hours=24),
}


async def issue(
    session: AsyncSession, kind: LinkKind, user_id: str, created_by: str, now: datetime
) -> tuple[OneTimeLink, str]:
    """Make a link, in place of the user's earlier ones; return it and its token, kept nowhere."""
    await store.drop_links(session, user_id)
    token = new_token()
    link = OneTimeLink(
        id=new_id("link"),
        kind=kind,
        user_id=user_id,
        fingerprint=fingerprint(token),
        created_by=created_by,
        created_at=now,
        expires_at=now + LIFE[kind],
    )
    session.add(link)
    return link, token


class Links:
    """Reads links and redeems them, each once."""

    def __init__(self, database: Database, clock: Clock, access: Access) -> None:
        self._database = database
        self._clock = clock
        self._access = access

    async def view(self, token: str) -> LinkView:
        """Return whom a link is for.

        Raises:
            Problem: `link_invalid` (404), the same for used, expired, replaced and made-up ones.
        """
        async with self._database.read() as session:
            found = await store.open_link(session, fingerprint(token), self._clock.now())
        if found is None:
            raise _invalid()
        link, user = found
        return LinkView(
            kind=cast("LinkKind", link.kind), username=user.username, expires_at=link.expires_at
        )

    async def accept(self, token: str, password: str, caller: Caller) -> Opened:
        """Set the password, end every login of the user, and open a new one.

        Raises:
            Problem: `link_invalid` (404), or `invalid_request` (422) for a poor password.
        """
        require_good(password, (await self.view(token)).username)
        password_hash = await self._access.passwords.hash(password)
        now = self._clock.now()
        async with self._database.unit_of_work() as session:
            found = await store.open_link(session, fingerprint(token), now)
            if found is None:
                raise _invalid()
            link, user = found
            link.used_at = now
            await _set_password(session, user, password_hash, now)
        return await self._access.open(user.id, caller)


async def _set_password(
    session: AsyncSession, user: User, password_hash: str, now: datetime
) -> None:
    user.password_hash, user.password_changed_at = password_hash, now
    await session.flush()
    await store.drop_links(session, user.id)
    await store.end_all(session, user.id)


def _invalid() -> Problem:
    return Problem(
        "link_invalid",
        "This link can't be used: it may have been used already, replaced by another, or be too "
        "old. Ask an administrator for a new one.",
        status=404,
    )
