"""Fixtures of the operations room."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from operations.room import Room
from support.databases import database_url
from vllm_manager.db import Base, Database
from vllm_manager.kit.topics import Hub
from vllm_manager.operations import Operations


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    database = Database(database_url(tmp_path))
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    hub, clock = Hub("epoch"), FakeClock()
    yield Room(database, hub, clock, Operations(database, hub, clock))
    await database.close()
