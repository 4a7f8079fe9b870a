"""The schema on the database that this run has: SQLite, or PostgreSQL with `--postgres`."""

import asyncio
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from support.databases import database_url
from vllm_manager.db import Database
from vllm_manager.migrations import upgrade
from vllm_manager.migrations.metadata import METADATA


async def differences(url: str) -> list[Any]:
    def compare(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), METADATA))

    database = Database(url)
    async with database.engine.connect() as connection:
        found = await connection.run_sync(compare)
    await database.close()
    return found


def test_an_empty_database_gets_the_schema_that_the_tables_say(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    assert upgrade(url, tmp_path)
    assert asyncio.run(differences(url)) == []
    assert not upgrade(url, tmp_path)
