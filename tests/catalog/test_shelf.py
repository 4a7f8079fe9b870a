"""What the hub said is kept, but neither for ever nor without bound."""

from sqlalchemy import text

from catalog.room import Room
from vllm_manager.catalog import store
from vllm_manager.catalog.shelf import Shelf


async def count(room: Room) -> int:
    async with room.database.read() as session:
        return int((await session.execute(text("SELECT count(*) FROM hub_answers"))).scalar_one())


async def test_an_answer_is_found_by_a_shelf_that_was_made_anew(room: Room) -> None:
    shelf = Shelf(room.database, room.clock)
    shelf.put("key", {"a": 1})
    await shelf.close()
    kept = await Shelf(room.database, room.clock).get("key")
    assert kept is not None
    assert (kept.body, kept.fetched_at) == ({"a": 1}, room.clock.now())


async def test_what_is_a_month_old_is_forgotten(room: Room) -> None:
    shelf = Shelf(room.database, room.clock)
    shelf.put("old", {})
    room.clock.advance(31 * 86400)
    shelf.put("new", {})
    await shelf.close()
    await shelf.forget_old()
    assert await count(room) == 1
    assert await Shelf(room.database, room.clock).get("new") is not None


async def test_of_very_many_the_oldest_are_forgotten(room: Room) -> None:
    shelf = Shelf(room.database, room.clock)
    async with room.database.unit_of_work() as session:
        for number in range(2010):
            await store.keep_answer(session, f"k{number}", {}, room.clock.now())
            room.clock.advance(1)
    await shelf.forget_old()
    assert await count(room) == 2000
    assert await shelf.get("k9") is None
    assert await shelf.get("k10") is not None
