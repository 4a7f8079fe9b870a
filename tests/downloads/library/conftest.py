"""Fixtures of the library."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from downloads.library.room import Room, room_in


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    async with room_in(tmp_path) as room:
        yield room
