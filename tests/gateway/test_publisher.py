"""What the snapshot says of keys, logins and limits, and what ten thousand keys cost."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from fakes.clock import FakeClock
from support.application import database_in
from support.many_keys import add_keys, key_ids, secret
from support.publishing import Publishing, longest_stall_seconds, publishing
from vllm_manager.auth.tables import Key, LoginSession, TeamMember, User
from vllm_manager.db import Database
from vllm_manager.gateway.snapshot import decode
from vllm_manager.kit.secrets import fingerprint
from vllm_manager.limits import UsageRecord, UsageReport

pytestmark = pytest.mark.integration

KEY, USER, TEAM = "key_%022d", "usr_%022d", "team_%021d"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    async with database_in(tmp_path) as database:
        yield database


@pytest.fixture
async def source(database: Database, clock: FakeClock) -> Publishing:
    """Two hundred keys, all of one team and with limits of their own."""
    await add_keys(database, 200, clock.now())
    return publishing(database, clock)


async def test_a_key_is_told_with_its_team_models_networks_and_end(
    source: Publishing, clock: FakeClock
) -> None:
    snapshot = await source.snapshot()
    assert len(snapshot["keys"]) == 200
    assert snapshot["keys"][fingerprint(secret(7))] == {
        "id": KEY % 7,
        "user": USER % 0,
        "name": "application number 7 of its user",
        "team": TEAM % 0,
        "expires_at": (clock.now() + timedelta(days=90)).timestamp(),
        "models": ["demo", "support", "embeddings"],
        "addresses": ["10.0.0.0/8", "2001:db8::/32"],
        "kind": "person",
        "priority": "normal",
        "account": None,
    }


async def test_keys_that_were_rotated_have_the_account_of_the_first(
    source: Publishing, database: Database
) -> None:
    async with database.unit_of_work() as session:
        for old, new in ((1, 2), (2, 3)):
            replaced = update(Key).where(Key.id == KEY % old).values(replaced_by_id=KEY % new)
            await session.execute(replaced)
    keys = (await source.snapshot())["keys"]
    accounts = [keys[fingerprint(secret(number))]["account"] for number in (1, 2, 3, 4)]
    assert accounts == [None, KEY % 1, KEY % 1, None]


async def test_what_does_not_restrict_a_key_is_null(source: Publishing, database: Database) -> None:
    async with database.unit_of_work() as session:
        none = {"models": None, "addresses": None, "team_id": None, "expires_at": None}
        await session.execute(update(Key).where(Key.id == KEY % 7).values(**none))
    key = (await source.snapshot())["keys"][fingerprint(secret(7))]
    assert [key[name] for name in ("models", "addresses", "team", "expires_at")] == [None] * 4


async def test_the_key_of_a_viewer_may_use_no_model(source: Publishing, database: Database) -> None:
    async with database.unit_of_work() as session:
        await session.execute(update(User).where(User.id == USER % 0).values(role="viewer"))
    assert (await source.snapshot())["keys"][fingerprint(secret(7))]["models"] == []


async def test_keys_that_are_over_and_their_limits_are_left_out(
    source: Publishing, database: Database, clock: FakeClock
) -> None:
    async with database.unit_of_work() as session:
        await session.execute(update(Key).where(Key.id == KEY % 1).values(revoked_at=clock.now()))
        await session.execute(update(Key).where(Key.id == KEY % 2).values(expires_at=clock.now()))
        disabled = update(User).where(User.id == USER % 1).values(disabled_at=clock.now())
        await session.execute(disabled)
    snapshot = await source.snapshot()
    left = {key["id"] for key in snapshot["keys"].values()}
    assert len(left) == 200 - 2 - 10
    assert {f"key:{key_id}" for key_id in left} == set(snapshot["limits"])
    assert set(snapshot["used"]) == set(snapshot["limits"])


async def test_a_login_counts_for_the_oldest_membership(
    source: Publishing, database: Database, clock: FakeClock
) -> None:
    async with database.unit_of_work() as session:
        login = {
            "id": "ses_1",
            "user_id": USER % 3,
            "fingerprint": "f" * 64,
            "csrf_fingerprint": "c" * 64,
            "created_at": clock.now(),
            "extended_at": clock.now(),
            "last_seen_at": clock.now(),
            "expires_at": clock.now() + timedelta(days=1),
        }
        member = {"team_id": TEAM % 0, "user_id": USER % 3, "since": clock.now()}
        await session.execute(insert(LoginSession), [login])
        await session.execute(insert(TeamMember), [member])
    assert (await source.snapshot())["sessions"] == {
        "f" * 64: {
            "id": "ses_1",
            "user": USER % 3,
            "team": TEAM % 0,
            "role": "member",
            "csrf": "c" * 64,
            "expires_at": (clock.now() + timedelta(days=1)).timestamp(),
        }
    }


async def test_limits_have_all_five_figures(source: Publishing) -> None:
    snapshot = await source.snapshot()
    assert snapshot["limits"][f"key:{KEY % 7}"] == {
        "requests_per_minute": 600,
        "tokens_per_minute": 100_000,
        "concurrent_requests": 16,
        "tokens_per_day": None,
        "tokens_per_month": 50_000_000,
    }


async def test_what_is_used_of_a_quota_is_told_but_is_no_news_of_its_own(
    source: Publishing, clock: FakeClock
) -> None:
    before = await source.snapshot()
    assert before["used"][f"key:{KEY % 7}"]["tokens_this_month"] == 0
    record = UsageRecord(
        at=clock.now().timestamp(),
        model="demo",
        status=200,
        key=KEY % 7,
        user=USER % 0,
        prompt_tokens=30,
        completion_tokens=12,
    )
    await source.ledger.record(UsageReport("bat_1", [record]))
    after = await source.snapshot()
    assert after["used"][f"key:{KEY % 7}"] == {
        "day": clock.now().date().isoformat(),
        "tokens_today": 42,
        "tokens_this_month": 42,
    }
    assert after["version"] == before["version"] == source.publisher.version


async def test_the_gateway_reads_what_is_written(source: Publishing) -> None:
    snapshot = decode(await source.line())
    assert (snapshot.version, snapshot.epoch, len(snapshot.keys)) == (1, "epoch-1", 200)
    assert snapshot.models["demo"].phase == "ready"


async def test_a_key_that_is_revoked_does_not_wait_for_the_routes(
    source: Publishing, database: Database, clock: FakeClock
) -> None:
    source.models.clear()
    before = await source.snapshot()
    assert (before["models"], len(before["keys"])) == (None, 200)
    async with database.unit_of_work() as session:
        await session.execute(update(Key).where(Key.id == KEY % 7).values(revoked_at=clock.now()))
    after = await source.snapshot()
    assert fingerprint(secret(7)) not in after["keys"]
    source.models["demo"] = before
    assert (await source.snapshot())["models"].keys() == {"demo"}


async def test_ten_thousand_keys_are_small_and_stall_nobody(
    database: Database, clock: FakeClock
) -> None:
    await add_keys(database, 10_000, clock.now())
    source = publishing(database, clock)
    assert len(await key_ids(database)) == 10_000
    line = await source.line()
    assert len(line) <= 30_000_000
    stalls = [await longest_stall_seconds(source.publisher.refresh()) for _ in range(3)]
    assert min(stalls) <= 0.25, "far above what it takes, for slow machines"
    async with database.unit_of_work() as session:
        await session.execute(update(Key).where(Key.id == KEY % 7).values(revoked_at=clock.now()))
    assert fingerprint(secret(7)).encode() not in await source.line()
