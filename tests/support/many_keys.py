"""Fills a database with many keys, for tests and benches of what they weigh."""

from datetime import datetime, timedelta

from sqlalchemy import insert, select

from vllm_manager.auth.tables import Key, Team, User
from vllm_manager.db import Database
from vllm_manager.kit.secrets import fingerprint
from vllm_manager.limits.policies.tables import LimitRow

_KEYS_PER_USER = 10
_KEYS_PER_TEAM = 200


def secret(number: int) -> str:
    """Return the text of the key with this number."""
    return f"vm-many-{number:06d}"


async def add_keys(database: Database, count: int, now: datetime) -> None:
    """Make keys with all that a key can have, each with limits, for users in teams."""
    users = [
        {"id": f"usr_{n:022d}", "username": f"user-{n}", "role": "member", "created_at": now}
        for n in range(count // _KEYS_PER_USER)
    ]
    teams = [
        {"id": f"team_{n:021d}", "name": f"team-{n}", "created_at": now}
        for n in range(count // _KEYS_PER_TEAM)
    ]
    keys = [
        {
            "id": f"key_{n:022d}",
            "user_id": users[n // _KEYS_PER_USER]["id"],
            "team_id": teams[n // _KEYS_PER_TEAM]["id"],
            "name": f"application number {n} of its user",
            "fingerprint": fingerprint(secret(n)),
            "last_four": f"{n:04d}"[-4:],
            "models": ["demo", "support", "embeddings"],
            "addresses": ["10.0.0.0/8", "2001:db8::/32"],
            "created_at": now,
            "expires_at": now + timedelta(days=90),
        }
        for n in range(count)
    ]
    limits = [
        {
            "scope": "key",
            "subject": key["id"],
            "requests_per_minute": 600,
            "tokens_per_minute": 100_000,
            "concurrent_requests": 16,
            "tokens_per_month": 50_000_000,
            "updated_at": now,
        }
        for key in keys
    ]
    async with database.unit_of_work() as session:
        for table, rows in ((User, users), (Team, teams), (Key, keys), (LimitRow, limits)):
            await session.execute(insert(table), rows)


async def key_ids(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(Key.id).order_by(Key.id)))
