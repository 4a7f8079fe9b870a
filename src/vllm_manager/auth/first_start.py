"""The first administrator: made once, kept in `secrets/admin.json`, safe to interrupt anywhere.

The file is written before the database is, and whatever the file says is made true, so a start
that was killed in between is finished by the next one.
"""

import contextlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from vllm_manager.auth import store
from vllm_manager.auth.passwords import Passwords
from vllm_manager.auth.tables import Key, User
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.ids import new_id
from vllm_manager.kit.secrets import fingerprint, new_token, write_private

KEY_PREFIX = "vm-"
_USERNAME = "admin"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the file holds."""

    username: str
    password: str
    api_key: str


async def ensure_administrator(database: Database, clock: Clock, path: Path) -> bool:
    """See that an administrator exists and that the file at `path` works; return whether it is new.

    Someone who deleted the file after reading it is not given a new one: that would change the
    password under them.

    Raises:
        Problem: `admin_file_unreadable`, when the file is there but is not what was written.
    """
    if _is_missing(path) and await _exists(database):
        return False
    new = _create_once(path)
    credentials = read_credentials(path)
    async with database.read() as session:
        known = await store.key_by_fingerprint(session, fingerprint(credentials.api_key))
    if known is None:
        password_hash = await Passwords().hash(credentials.password)
        async with database.unit_of_work() as session:
            await _adopt(session, credentials, password_hash, clock)
    return new


def _is_missing(path: Path) -> bool:
    return not path.exists()


async def _exists(database: Database) -> bool:
    async with database.read() as session:
        return await store.user_by_name(session, _USERNAME) is not None


def _create_once(path: Path) -> bool:
    """Write new credentials unless the file exists; of two processes, one wins."""
    if not _is_missing(path):
        return False
    made = Credentials(_USERNAME, secrets.token_urlsafe(18), new_token(KEY_PREFIX))
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_private(draft, json.dumps(asdict(made), indent=2) + "\n")
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
            return True
        return False
    finally:
        draft.unlink()


def read_credentials(path: Path) -> Credentials:
    """Return what the file at `path` holds.

    Raises:
        Problem: `admin_file_unreadable`.
    """
    try:
        found = json.loads(path.read_text())
        credentials = Credentials(found["username"], found["password"], found["api_key"])
        if not all(isinstance(v, str) and v for v in asdict(credentials).values()):
            raise ValueError("a member is empty or not text")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Problem(
            "admin_file_unreadable",
            f"{path} can't be read ({error}). It must hold the first administrator's username, "
            "password and api_key as JSON. Restore it from a backup, or delete it if it is no "
            "longer needed.",
            status=500,
        ) from error
    return credentials


async def _adopt(
    session: AsyncSession, credentials: Credentials, password_hash: str, clock: Clock
) -> None:
    """Make the database agree with the file: the user, the password, the key."""
    now = clock.now()
    user = await store.user_by_name(session, credentials.username)
    if user is None:
        user = User(
            id=new_id("usr"),
            username=credentials.username,
            role="administrator",
            password_hash=password_hash,
            created_at=now,
        )
        session.add(user)
        await session.flush()
    user.password_hash = password_hash
    session.add(
        Key(
            id=new_id("key"),
            user_id=user.id,
            name=credentials.username,
            fingerprint=fingerprint(credentials.api_key),
            last_four=credentials.api_key[-4:],
            created_at=now,
        )
    )
