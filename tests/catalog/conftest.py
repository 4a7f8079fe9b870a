"""Fixtures of the catalog."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from catalog.room import Room, room_in
from support.hub import Hub, ready_made


@pytest.fixture
def ready_hub() -> Generator[Hub]:
    with Hub(ready_made()) as hub:
        yield hub


@pytest.fixture
async def room(tmp_path: Path, ready_hub: Hub) -> AsyncGenerator[Room]:
    async with room_in(tmp_path, ready_hub) as room:
        yield room
