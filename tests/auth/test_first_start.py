"""The first administrator's file always works, however the first start went."""

import json
import stat
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from support.application import database_in
from vllm_manager.auth import Access, Caller, ensure_administrator
from vllm_manager.auth.first_start import read_credentials
from vllm_manager.db import Database
from vllm_manager.kit.errors import Problem

CLOCK = FakeClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    async with database_in(tmp_path) as database:
        yield database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "admin.json"


async def works(database: Database, file: Path) -> bool:
    found = read_credentials(file)
    access = Access(database, CLOCK)
    opened = await access.log_in(found.username, found.password, Caller("192.0.2.1"))
    return opened.principal.username == "admin" and await access.by_key(found.api_key) is not None


async def test_the_first_start_makes_a_file_for_its_owner_alone(
    database: Database, file: Path
) -> None:
    assert await ensure_administrator(database, CLOCK, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["api_key"].startswith("vm-")
    assert await works(database, file)


async def test_later_starts_change_nothing(database: Database, file: Path) -> None:
    await ensure_administrator(database, CLOCK, file)
    before = file.read_text()
    assert not await ensure_administrator(database, CLOCK, file)
    assert file.read_text() == before
    assert await works(database, file)


async def test_a_start_that_was_killed_after_the_file_is_finished_by_the_next(
    tmp_path: Path, database: Database, file: Path
) -> None:
    (tmp_path / "other").mkdir()
    async with database_in(tmp_path / "other") as lost:
        await ensure_administrator(lost, CLOCK, file)
    assert not await ensure_administrator(database, CLOCK, file)
    assert await works(database, file)


async def test_a_file_that_was_deleted_after_reading_is_not_made_again(
    database: Database, file: Path
) -> None:
    await ensure_administrator(database, CLOCK, file)
    file.unlink()
    assert not await ensure_administrator(database, CLOCK, file)
    assert not file.exists()


async def test_a_file_that_makes_no_sense_is_named(database: Database, file: Path) -> None:
    file.parent.mkdir()
    file.write_text('{"username": "admin"}')
    with pytest.raises(Problem, match=r"admin\.json") as caught:
        await ensure_administrator(database, CLOCK, file)
    assert caught.value.code == "admin_file_unreadable"
