"""Logins open, extend, end, and are throttled."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from support.application import database_in
from vllm_manager.auth import Access, Caller, InForce, ensure_administrator
from vllm_manager.auth.first_start import Credentials, read_credentials
from vllm_manager.auth.service import Opened
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.secrets import fingerprint

ADDRESS = "192.0.2.1"


@dataclass(frozen=True, slots=True)
class Door:
    """Access with one administrator, and how often it said that credentials changed."""

    access: Access
    in_force: InForce
    clock: FakeClock
    admin: Credentials
    file: Path
    changes: list[None]

    async def log_in(self, password: str | None = None, username: str | None = None) -> Opened:
        return await self.access.log_in(
            username or self.admin.username, password or self.admin.password, Caller(ADDRESS)
        )

    async def refusal(self, username: str, address: str = ADDRESS) -> Problem:
        with pytest.raises(Problem) as caught:
            await self.access.log_in(username, "wrong", Caller(address))
        return caught.value


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[Door]:
    clock, changes = FakeClock(), list[None]()
    async with database_in(tmp_path) as database:
        await ensure_administrator(database, clock, tmp_path / "admin.json")
        access = Access(database, clock, lambda: changes.append(None))
        admin = read_credentials(tmp_path / "admin.json")
        in_force = InForce(database, clock)
        yield Door(access, in_force, clock, admin, tmp_path / "vllm-manager.db", changes)


async def test_the_right_password_opens_a_session_that_is_recognised(door: Door) -> None:
    opened = await door.log_in()
    principal = await door.access.by_session(opened.token)
    assert principal is not None
    assert (principal.username, principal.role) == ("admin", "administrator")
    assert len(door.changes) == 1


async def test_each_login_gets_a_session_of_its_own(door: Door) -> None:
    assert (await door.log_in()).token != (await door.log_in()).token


async def test_a_session_that_was_logged_out_is_no_longer_recognised(door: Door) -> None:
    opened = await door.log_in()
    await door.access.log_out(opened.principal)
    assert await door.access.by_session(opened.token) is None
    assert not await door.access.still_valid(opened.principal)
    assert [some async for some in door.in_force.sessions()] == []


async def test_a_session_ends_after_seven_days_without_use(door: Door) -> None:
    opened = await door.log_in()
    door.clock.advance(timedelta(days=7, seconds=1).total_seconds())
    assert await door.access.by_session(opened.token) is None


async def test_use_extends_a_session_but_not_beyond_thirty_days(door: Door) -> None:
    opened = await door.log_in()
    for _ in range(5):
        door.clock.advance(timedelta(days=6).total_seconds() - 60)
        assert await door.access.by_session(opened.token) is not None
    door.clock.advance(timedelta(days=1).total_seconds())
    assert await door.access.by_session(opened.token) is None


async def test_an_unknown_user_hears_the_same_as_a_known_one(door: Door) -> None:
    known, unknown = await door.refusal("admin"), await door.refusal("nobody")
    assert known.details == unknown.details
    assert known.details.status == 401


async def test_the_eleventh_wrong_password_in_five_minutes_is_throttled_per_user(
    door: Door,
) -> None:
    for number in range(10):
        refusal = await door.refusal("admin", f"192.0.2.{number}")
        assert refusal.code == "wrong_credentials"
    throttled = await door.refusal("admin", "192.0.2.99")
    assert throttled.details.status == 429
    assert throttled.details.retry_after_seconds == pytest.approx(300)  # pyright: ignore[reportUnknownMemberType]


async def test_the_eleventh_wrong_password_in_five_minutes_is_throttled_per_address(
    door: Door,
) -> None:
    for number in range(10):
        await door.refusal(f"user-{number}")
    with pytest.raises(Problem) as caught:
        await door.log_in()
    assert caught.value.code == "too_many_attempts"


async def test_the_throttle_lets_go_after_five_minutes(door: Door) -> None:
    for _ in range(10):
        await door.refusal("admin")
    door.clock.advance(301)
    assert (await door.log_in()).token


async def test_right_passwords_do_not_count_against_anyone(door: Door) -> None:
    for _ in range(12):
        await door.log_in()


async def test_the_key_of_the_administrator_is_in_force(door: Door) -> None:
    principal = await door.access.by_key(door.admin.api_key)
    assert principal is not None
    assert await door.access.still_valid(principal)
    keys = door.in_force.keys()
    [[key]] = [some async for some in keys]
    assert key.fingerprint == fingerprint(door.admin.api_key)


async def test_a_dump_of_the_database_holds_no_usable_credential(door: Door) -> None:
    opened = await door.log_in()
    with closing(sqlite3.connect(door.file)) as connection:
        dump = "\n".join(connection.iterdump())
    secrets = (door.admin.password, door.admin.api_key, opened.token, opened.csrf_token)
    assert not [secret for secret in secrets if secret in dump]


@pytest.mark.sqlite
async def test_expired_sessions_are_deleted(door: Door) -> None:
    await door.log_in()
    door.clock.advance(timedelta(days=8).total_seconds())
    await door.access.prune()
    with closing(sqlite3.connect(door.file)) as connection:
        assert connection.execute("SELECT count(*) FROM login_sessions").fetchone() == (0,)
