"""Units of work: all or nothing, one after the other, on a database set for durability."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import StatementError

from vllm_manager.db import Database
from vllm_manager.operations.tables import OperationRow

MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def operation(id: str, at: datetime = MOMENT) -> OperationRow:
    return OperationRow(
        id=id,
        kind="deployment.start",
        subject="demo",
        status="running",
        created_at=at,
        updated_at=at,
    )


async def read(database: Database, id: str) -> OperationRow | None:
    async with database.read() as session:
        return await session.get(OperationRow, id)


async def test_what_a_unit_of_work_wrote_is_kept(database: Database):
    async with database.unit_of_work() as session:
        session.add(operation("one"))
    row = await read(database, "one")
    assert row is not None
    assert row.created_at == MOMENT


async def test_a_unit_of_work_that_raises_leaves_nothing(database: Database):
    async def fail() -> None:
        async with database.unit_of_work() as session:
            session.add(operation("one"))
            await session.flush()
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        await fail()
    assert await read(database, "one") is None


async def test_a_cancelled_unit_of_work_leaves_nothing_and_no_lock(database: Database):
    reached = asyncio.Event()

    async def hang() -> None:
        async with database.unit_of_work() as session:
            session.add(operation("one"))
            await session.flush()
            reached.set()
            await asyncio.Future[None]()

    task = asyncio.create_task(hang())
    await reached.wait()
    task.cancel()
    await asyncio.wait([task])
    async with asyncio.timeout(90), database.unit_of_work() as session:
        session.add(operation("two"))
    assert await read(database, "one") is None


async def test_units_of_work_at_once_lose_no_update(database: Database):
    async with database.unit_of_work() as session:
        session.add(operation("count"))

    async def increment() -> None:
        async with database.unit_of_work() as session:
            row = await session.get_one(OperationRow, "count")
            seen = row.progress or 0.0
            await asyncio.sleep(0)
            row.progress = seen + 1

    await asyncio.gather(*(increment() for _ in range(40)))
    row = await read(database, "count")
    assert row is not None
    assert row.progress == 40


async def test_a_reader_sees_nothing_of_a_unit_of_work_until_it_ends(database: Database):
    async with database.unit_of_work() as writing:
        writing.add(operation("one"))
        await writing.flush()
        assert await read(database, "one") is None
    assert await read(database, "one") is not None


async def test_what_is_written_while_reading_is_dropped(database: Database):
    async with database.read() as session:
        session.add(operation("one"))
        await session.flush()
    assert await read(database, "one") is None


@pytest.mark.sqlite
async def test_sqlite_is_set_for_durability_and_patience(database: Database):
    expected = {"journal_mode": "wal", "busy_timeout": 30000, "synchronous": 2, "foreign_keys": 1}
    async with database.read() as session:
        found = {name: await session.scalar(text(f"PRAGMA {name}")) for name in expected}
    assert found == expected


async def test_moments_come_back_in_utc_whatever_zone_they_were_given_in(database: Database):
    east = timezone(timedelta(hours=5, minutes=30))
    async with database.unit_of_work() as session:
        session.add(operation("one", MOMENT.astimezone(east)))
    async with database.read() as session:
        row = await session.scalar(select(OperationRow))
    assert row is not None
    assert row.created_at == MOMENT
    assert row.created_at.tzinfo is UTC


async def test_a_moment_without_a_zone_is_refused(database: Database):
    with pytest.raises(StatementError, match="naive"):
        async with database.unit_of_work() as session:
            session.add(operation("one", datetime(2026, 1, 1)))
