"""A real SQLite file with every table that tests of the database need."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from support.databases import database_url
from vllm_manager.db import Base, Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    database = Database(database_url(tmp_path))
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield database
    await database.close()
