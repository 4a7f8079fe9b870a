"""62. A hub's answer that leads to an address inside the network is not followed."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from catalog.room import Room, room_in
from support.http_server import Exchange, HttpServer
from support.hub import Fault, Hub, ready_made
from vllm_manager.kit.errors import Problem

pytestmark = pytest.mark.survival

TARGETS = [
    "http://127.0.0.1:{port}/latest",
    "http://localhost:{port}/latest",
    "https://127.0.0.1:{port}/latest",
    "http://2130706433:{port}/latest",
    "https://2130706433:{port}/latest",
    "https://0x7f000001:{port}/latest",
    "https://0177.0.0.1:{port}/latest",
    "https://127.1:{port}/latest",
    "https://[::1]:{port}/latest",
    "https://[::ffff:127.0.0.1]:{port}/latest",
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/",
    "https://0.0.0.0:{port}/",
    "file:///etc/passwd",
    "ftp://127.0.0.1:{port}/x",
    "gopher://127.0.0.1:{port}/x",
    "https://user:secret@127.0.0.1:{port}/x",
]


@pytest.fixture
async def inside() -> AsyncGenerator[HttpServer]:
    """A service inside the network, which nobody must reach."""

    async def answer(exchange: Exchange) -> None:
        exchange.reply_json({"secret": "canary"})

    async with HttpServer(answer) as server:
        yield server


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    with Hub(ready_made()) as hub:
        async with room_in(tmp_path, hub) as room:
            yield room


@pytest.mark.parametrize("target", TARGETS)
async def test_62_a_redirect_is_not_followed(room: Room, inside: HttpServer, target: str) -> None:
    room.hub.faults.add(Fault(path="*", redirect_to=target.format(port=inside.port)))
    for asked in (
        room.catalog.model("acme/tiny-chat", None, None),
        room.catalog.files("acme/tiny-chat", "main", None),
        room.catalog.facts("acme/tiny-chat", None),
        room.catalog.card("acme/tiny-chat", None, None),
    ):
        with pytest.raises(Problem) as caught:
            await asked
        assert caught.value.code == "hub_address_refused"
        assert "canary" not in caught.value.details.model_dump_json()
        assert "secret@" not in caught.value.details.model_dump_json()
    assert inside.exchanges == []
    assert inside.connections == set()


async def test_62_nor_is_a_link_to_the_next_page(room: Room, inside: HttpServer) -> None:
    """Only the cursor is taken from it."""
    from support.hub import declare
    from vllm_manager.catalog import SearchQuery

    room.hub.add(*(declare(f"many/m-{n}", {"config.json": "{}"}) for n in range(5)))
    room.hub.port, real = inside.port, room.hub.port  # the links now name the service inside
    query = SearchQuery(text="many/", limit=2)
    page = await room.catalog.search(query, None)
    room.hub.port = real
    assert page.next_cursor is not None
    more = await room.catalog.search(
        SearchQuery(text="many/", limit=2, cursor=page.next_cursor), None
    )
    assert len(more.items) == 2
    assert inside.exchanges == []
