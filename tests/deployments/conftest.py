"""Fixtures of the deployments room."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from deployments.room import Room


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    room = await Room(tmp_path).open()
    yield room
    await room.close()
