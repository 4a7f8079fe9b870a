"""A unit of work is all or nothing, also when it is cancelled."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import text

from vllm_manager.db import Database

# Gives rows at once and takes long to give the last: it is cancelled half-way.
SLOW = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) "
    "SELECT i FROM n"
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}")
    async with database.unit_of_work() as session:
        await session.execute(text("CREATE TABLE t (a INTEGER)"))
    yield database
    await database.close()


async def test_a_unit_of_work_that_is_cancelled_leaves_the_database_free(
    database: Database,
) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with database.unit_of_work() as session:
            await session.execute(text("INSERT INTO t VALUES (1)"))
            begun.set()
            await session.execute(SLOW)

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(90), database.unit_of_work() as session:
        assert await session.scalar(text("SELECT count(*) FROM t")) == 0
