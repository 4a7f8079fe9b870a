"""Verifying hashes every byte again, names what is wrong, and has it fetched again if asked to."""

import asyncio
import errno
import os
import threading
from dataclasses import replace

import pytest
from sqlalchemy import text

from downloads.library.room import Room, a_model, damage, put, work_in
from fakes.clock import FakeClock
from vllm_manager.downloads.library.work import Progress
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.process import ProcessIdentity, own_identity

REPO = "acme/chat"
COMMIT = "a" * 40
ID = f"acme--chat@{COMMIT}"
SHARD = "model-00002-of-00002.safetensors"


async def test_a_sound_model_is_found_sound(room: Room) -> None:
    put(room.store, REPO, a_model(), COMMIT)
    ended = await room.ended(await room.library.verify(ID))
    assert (ended.kind, ended.subject) == ("model.verify", f"{REPO}@{COMMIT[:12]}")
    assert (ended.status, ended.progress) == ("succeeded", 1.0)
    assert ended.message == "5 files are what their checksums say."


async def test_gits_own_ids_of_small_files_are_checked_as_well(room: Room) -> None:
    snapshot = put(room.store, REPO, a_model(), COMMIT)
    # What git calls a blob with the two bytes "{}": printf '{}' | git hash-object --stdin
    blob = snapshot.parents[1] / "blobs" / "9e26dfeeb6e641a33dae4961196235bdb965b21b"
    blob.write_bytes(b"{}")
    (snapshot / "tokenizer.json").unlink()
    (snapshot / "tokenizer.json").symlink_to(f"../../blobs/{blob.name}")
    assert (await room.ended(await room.library.verify(ID))).status == "succeeded"
    blob.write_bytes(b"[]")
    ended = await room.ended(await room.library.verify(ID))
    assert ended.status == "failed"
    assert "tokenizer.json" in str(ended.message)


async def test_a_flipped_byte_is_found_named_and_remembered(room: Room) -> None:
    snapshot = put(room.store, REPO, a_model(), COMMIT)
    damage(snapshot / SHARD)
    assert (await room.only()).state == "complete"
    ended = await room.ended(await room.library.verify(ID))
    assert ended.status == "failed"
    assert ended.error is not None
    assert ended.error.code == "model_damaged"
    assert SHARD in ended.error.detail
    assert "model-00001" not in ended.error.detail
    assert ended.error.remediation[0].label == "Fetch the damaged files again"
    assert room.fetched == []
    model = await room.only()
    assert model.state == "broken"
    assert await room.library.resolve(REPO) is None


async def test_a_file_that_was_replaced_since_is_forgiven(room: Room) -> None:
    snapshot = put(room.store, REPO, a_model(), COMMIT)
    damage(snapshot / SHARD)
    await room.ended(await room.library.verify(ID))
    blob = (snapshot / SHARD).resolve()
    blob.unlink()
    blob.write_bytes(a_model()[SHARD])
    assert (await room.only()).state == "complete"
    assert (await room.ended(await room.library.verify(ID))).status == "succeeded"


async def test_damaged_files_are_removed_and_fetched_again_if_asked_to(room: Room) -> None:
    snapshot = put(room.store, REPO, a_model(), COMMIT)
    damage(snapshot / SHARD)
    ended = await room.ended(await room.library.verify(ID, refetch=True))
    assert ended.status == "failed"
    assert room.fetched == [(REPO, COMMIT)]
    assert not (snapshot / SHARD).exists()
    assert (snapshot / "config.json").exists()


async def test_a_sound_model_is_not_fetched_again(room: Room) -> None:
    put(room.store, REPO, a_model(), COMMIT)
    await room.ended(await room.library.verify(ID, refetch=True))
    assert room.fetched == []


async def test_an_imported_model_is_never_asked_of_the_hub(room: Room) -> None:
    snapshot = put(room.store, "local/mine", a_model(), COMMIT)
    damage(snapshot / SHARD)
    ended = await room.ended(await room.library.verify(f"local--mine@{COMMIT}", refetch=True))
    assert ended.error is not None
    assert ended.error.remediation[0].label == "Import the folder again."
    assert room.fetched == []
    assert (snapshot / SHARD).exists()


async def test_asked_twice_at_once_it_is_one_operation(room: Room) -> None:
    put(room.store, REPO, a_model(), COMMIT)
    first, second = await room.library.verify(ID), await room.library.verify(ID)
    assert first.id == second.id
    assert (await room.ended(first)).status == "succeeded"


class Held:
    """Work that goes on for as long as a test wants."""

    def __init__(self) -> None:
        self.gate = threading.Event()

    def __call__(self, progress: Progress) -> str:
        self.gate.wait(60)
        progress.advance(1)
        return "Done."


async def test_work_of_a_control_plane_that_died_is_closed_as_interrupted(room: Room) -> None:
    dead = replace(own_identity(), started=own_identity().started - 100)
    earlier, held = work_in(room.database, room.operations, dead), Held()
    begun = await earlier.begin("model.verify", "acme/chat@x", held)
    await room.library.start()  # as the next process does
    ended = await room.operations.get(begun.id)
    assert (ended.status, ended.error and ended.error.code) == ("failed", "work_interrupted")
    held.gate.set()
    await earlier.close()


ELSEWHERE = ProcessIdentity("another-host", 7, 1.0)


async def test_work_of_a_living_control_plane_is_left_alone(room: Room) -> None:
    clock, held = FakeClock(), Held()
    other = work_in(room.database, room.operations, ELSEWHERE, clock)
    mine = work_in(room.database, room.operations, clock=clock)
    begun = await other.begin("model.verify", "acme/chat@x", held)
    for _ in range(5):
        await mine.tend()
        clock.advance(9)
        await other.tend()
    await mine.tend()
    assert (await room.operations.get(begun.id)).finished_at is None
    held.gate.set()
    assert (await room.ended(begun)).status == "succeeded"
    await other.close()


async def test_work_of_a_control_plane_that_is_silent_for_long_is_closed(room: Room) -> None:
    clock, held = FakeClock(), Held()
    other = work_in(room.database, room.operations, ELSEWHERE, clock)
    mine = work_in(room.database, room.operations, clock=clock)
    begun = await other.begin("model.verify", "acme/chat@x", held)
    await mine.tend()
    clock.advance(11)
    await mine.tend()
    ended = await room.operations.get(begun.id)
    assert (ended.status, ended.error and ended.error.code) == ("failed", "work_interrupted")
    held.gate.set()
    await other.close()
    assert (await room.operations.get(begun.id)).status == "failed"


async def test_work_that_has_ended_leaves_no_lease(room: Room) -> None:
    put(room.store, REPO, a_model(), COMMIT)
    await room.ended(await room.library.verify(ID))
    async with room.database.read() as session:
        left = (await session.execute(text("SELECT name FROM leases"))).scalars().all()
    assert left == []


async def test_work_is_interrupted_when_the_control_plane_ends(room: Room) -> None:
    work, held = work_in(room.database, room.operations), Held()
    begun = await work.begin("model.verify", "acme/chat@x", held)
    closing = asyncio.create_task(work.close())
    await asyncio.sleep(0)  # it has asked the work to end, and waits for it
    held.gate.set()
    await closing
    ended = await room.operations.get(begun.id)
    assert (ended.status, ended.error and ended.error.code) == ("failed", "work_interrupted")


async def test_other_work_on_the_same_model_waits_its_turn(room: Room) -> None:
    work, held = work_in(room.database, room.operations), Held()
    begun = await work.begin("model.verify", "acme/chat@x", held)
    with pytest.raises(Problem) as caught:
        await work.begin("model.adopt", "acme/chat@x", held)
    assert (caught.value.code, caught.value.details.retryable) == ("model_busy", True)
    held.gate.set()
    assert (await room.ended(begun)).message == "Done."


async def test_a_disk_that_refuses_is_a_named_problem(room: Room) -> None:
    def piece(_: Progress) -> str:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/store")

    work = work_in(room.database, room.operations)
    ended = await room.ended(await work.begin("model.adopt", "acme/chat@x", piece))
    assert ended.error is not None
    assert (ended.error.code, "/store" in ended.error.detail) == ("disk_failed", True)
