"""60. A repository with code of its own (`auto_map`) is told as such, and none of it is fetched."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from catalog.room import Room, room_in
from support.hub import Hub, ready_made
from vllm_manager.catalog import SearchQuery

pytestmark = pytest.mark.survival


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    with Hub(ready_made()) as hub:
        async with room_in(tmp_path, hub) as room:
            yield room


async def test_60_it_is_told_in_a_list_in_the_details_and_in_the_facts(room: Room) -> None:
    page = await room.catalog.search(SearchQuery(text="own-code"), None)
    details = await room.catalog.model("acme/own-code", None, None)
    facts = await room.catalog.facts("acme/own-code", None)
    assert [item.needs_own_code for item in page.items] == [True]
    assert [finding.code for finding in details.findings] == ["code_refused"]
    assert facts.has_auto_map
    assert room.hub.asked("modeling_own.py") == []
