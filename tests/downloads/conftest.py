"""What the tests of downloads share."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from downloads.room import Room, downloads_in
from support.hub import Hub, ready_made


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub on loopback with the ready-made repositories."""
    with Hub(ready_made()) as hub:
        yield hub


@pytest.fixture
async def room(tmp_path: Path, hub: Hub) -> AsyncGenerator[Room]:
    """Downloads that run, with little patience."""
    async with downloads_in(tmp_path, hub) as room:
        yield room
