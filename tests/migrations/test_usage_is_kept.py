"""What was counted before usage was rolled up by day is counted after."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from support.usage import Books
from vllm_manager.db import Database
from vllm_manager.migrations import upgrade
from vllm_manager.migrations.schema import SCRIPTS

_OLD = "INSERT INTO usage_hours VALUES (?, ?, 'usr_1', '', 'demo', ?, ?, ?, 100, 20, 5)"


def upgrade_to(file: Path, revision: str) -> None:
    """Bring an empty database to an older revision."""
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


@pytest.mark.sqlite
async def test_hours_become_hours_and_days(tmp_path: Path) -> None:
    file = tmp_path / "test.db"
    upgrade_to(file, "0001_initial")
    rows: list[tuple[Any, ...]] = [
        ("2026-11-22 23:00:00.000000", "key_1", "2026-11-22", 1, 0),
        ("2026-11-23 00:00:00.000000", "key_1", "2026-11-23", 2, 1),
        ("2026-11-23 09:00:00.000000", "key_2", "2026-11-23", 4, 2),
    ]
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executemany(_OLD, rows)
    url = f"sqlite+aiosqlite:///{file}"
    await asyncio.to_thread(upgrade, url, tmp_path)
    database = Database(url)
    books = Books(database)
    by_day = [(str(sum_.day), sum_.requests, sum_.errors) for sum_ in await books.sums("day")]
    assert by_day == [("2026-11-22", 1, 0), ("2026-11-23", 6, 3)]
    nine = datetime(2026, 11, 23, 9, tzinfo=UTC)
    [sum_] = await books.sums("key", since=nine)
    assert (sum_.key, sum_.requests, sum_.prompt_tokens, sum_.cached_tokens) == ("key_2", 4, 100, 5)
    await database.close()
